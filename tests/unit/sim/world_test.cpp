// The simulated world itself: that one seed is one history, that all works without faults, and that the daemon stands
// each fault alone.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "berth/sim/history.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

std::string said(const SimWorld& world) {
  const auto& broken = world.violation();
  return broken ? broken->invariant + ": " + broken->detail + " (" + broken->event_text + ')' : "";
}

/// `count` containers of 1 to 4 VCPUs, one each half minute.
SimOptions plain_history(std::uint64_t seed, int count = 20) {
  SimOptions options = draw_history(10, 1h);  // a seed without faults: its cluster
  options.seed = seed;
  options.workload.clear();
  for (int i = 0; i < count; ++i) {
    WorkloadContainer c;
    c.submit = i * 30s;
    c.priority = 1 + i % 5 * 100;
    c.constraints.vcpus = 1 + i % 4;
    c.constraints.ram = 1'000'000'000;
    c.run_time = 2min + i * 1s;
    options.workload.push_back(c);
  }
  return options;
}

TEST(SimWorld, OneSeedIsOneHistory) {
  const auto history = [](std::uint64_t seed) {
    SimWorld world(draw_history(seed, 1h));
    EXPECT_TRUE(world.run()) << said(world);
    return std::pair(world.events(), world.event_hash());
  };
  const auto first = history(7);
  EXPECT_EQ(history(7), first);
  EXPECT_NE(history(8), first);
  EXPECT_GT(first.first, 500U);
}

TEST(SimWorld, WithoutFaultsEachContainerCompletesOnce) {
  class Counter final : public SimObserver {
   public:
    void on_event(const SimEvent& event) override {
      if (event.kind == SimEventKind::running) ++runs[std::string(event.container)];
      if (event.kind == SimEventKind::instance_created) ++created;
      if (event.kind == SimEventKind::instance_gone) ++gone;
    }
    std::map<std::string, int> runs;
    int created = 0;
    int gone = 0;
  } counter;
  SimWorld world(plain_history(1));
  world.observe(counter);
  EXPECT_TRUE(world.run_until_done()) << said(world);
  EXPECT_TRUE(world.all_done());
  EXPECT_LT(world.elapsed(), 1h);
  ASSERT_EQ(world.containers().size(), 20U);
  for (const SimContainerRecord& c : world.containers()) {
    EXPECT_EQ(c.state, ContainerState::complete) << c.uuid;
    EXPECT_EQ(counter.runs[c.uuid], 1) << c.uuid;
    ASSERT_TRUE(c.started && c.ended);
    EXPECT_GE(*c.ended - *c.started, 2min);
  }
  EXPECT_GT(counter.created, 0);
  EXPECT_EQ(counter.created, counter.gone);
}

TEST(SimWorld, ChildrenComeAfterTheirSupervisorAndBeforeItsEnd) {
  SimOptions options = plain_history(1, 4);
  options.workload[0].scheduling.supervisor = true;
  for (const std::uint32_t child : {1U, 2U, 3U}) options.workload[child].parent = 0;
  options.workload[3].after = {2};
  SimWorld world(std::move(options));
  EXPECT_TRUE(world.run_until_done()) << said(world);
  std::map<std::uint32_t, SimContainerRecord> by_index;
  for (const auto& c : world.containers()) by_index[c.workload_index] = c;
  ASSERT_EQ(by_index.size(), 4U);
  for (const std::uint32_t child : {1U, 2U, 3U}) {
    EXPECT_GE(by_index[child].submitted, *by_index[0].started);
    EXPECT_LE(*by_index[child].ended, *by_index[0].ended);
  }
  EXPECT_GE(by_index[3].submitted, *by_index[2].ended);
}

/// While it is being created, MaxInstances is reached.
TEST(SimWorld, TheLastInstanceIsMadeForWhoWasLockedForIt) {
  for (const char* policy : {"greedy", "cost"}) {
    SimOptions options = plain_history(1, 4);
    CloudVmsConfig& vms = options.cluster.containers.cloud_vms;
    vms.policy = policy;
    vms.max_instances = 4;
    vms.initial_quota_estimate = 0;
    vms.supervisor_fraction = 0.5;
    options.cloud = {};
    for (WorkloadContainer& c : options.workload) {
      c.constraints.vcpus = 8;
      c.run_time = 20min;
    }
    for (const int supervisor : {1, 3})
      options.workload[static_cast<std::size_t>(supervisor)].scheduling.supervisor = true;
    SimWorld world(std::move(options));
    EXPECT_TRUE(world.run_until_done()) << said(world);
    for (const SimContainerRecord& c : world.containers())
      EXPECT_EQ(c.lock_count, 1) << policy << ' ' << c.workload_index;
  }
}

/// As many instances as one likes, and changes told instead of polled.
SimOptions told_history(std::uint64_t seed, int count) {
  SimOptions options = plain_history(seed, count);
  options.duration = 12h;
  options.check_invariants = false;
  options.cloud = {};
  CloudVmsConfig& vms = options.cluster.containers.cloud_vms;
  vms.max_instances = vms.initial_quota_estimate = vms.max_concurrent_instance_create_ops = 0;
  vms.poll_interval = 10s;
  vms.policy = "greedy";
  options.api.event_bus.reset();
  options.api.told_every = 10s;
  options.adjust = [](QueueOptions& queue, PoolOptions&, SchedulerOptions&) { queue.poll_interval = 24h * 366; };
  return options;
}

/// Of each attempt, in order.
std::vector<SimContainerRecord> records_of(SimOptions options) {
  SimWorld world(std::move(options));
  EXPECT_TRUE(world.run_until_done()) << said(world);
  EXPECT_TRUE(world.all_done());
  return world.containers();
}

/// Seconds.
double mean_wait(const std::vector<SimContainerRecord>& records) {
  Duration sum{};
  for (const SimContainerRecord& c : records) {
    EXPECT_EQ(c.state, ContainerState::complete);
    if (c.started) sum += *c.started - c.submitted;
  }
  return std::chrono::duration<double>(sum).count() / static_cast<double>(records.size());
}

TEST(SimWorld, BeingToldIsAsGoodAsPolling) {
  double told = 0;
  double polled = 0;
  constexpr int histories = 8;
  for (int seed = 1; seed <= histories; ++seed) {
    SimOptions options = told_history(static_cast<std::uint64_t>(seed), 100);
    for (WorkloadContainer& c : options.workload) c.submit += seed * 1300ms;
    told += mean_wait(records_of(options)) / histories;
    options.api.told_every.reset();
    options.adjust = {};
    polled += mean_wait(records_of(options)) / histories;
  }
  EXPECT_NEAR(told, polled, 4) << "seconds, on average";
}

/// From its submission until it is locked first.
Duration longest_until_locked(SimOptions options) {
  class Locks final : public SimObserver {
   public:
    void on_event(const SimEvent& event) override {
      if (event.kind == SimEventKind::submitted) waiting[std::string(event.container)] = event.at;
      if (event.kind != SimEventKind::locked) return;
      if (const auto found = waiting.extract(std::string(event.container)))
        longest = std::max(longest, event.at - found.mapped());
    }
    std::map<std::string, Duration> waiting;
    Duration longest{};
  } locks;
  SimWorld world(std::move(options));
  world.observe(locks);
  EXPECT_TRUE(world.run_until_done()) << said(world);
  EXPECT_TRUE(locks.waiting.empty());
  return locks.longest;
}

TEST(SimWorld, IsToldWhenAPollWouldFindItOrAtOnce) {
  SimOptions options = told_history(1, 50);
  for (WorkloadContainer& c : options.workload) c.submit += 3s;
  const Duration with_polls = longest_until_locked(options);
  EXPECT_GT(with_polls, 5s);
  EXPECT_LT(with_polls, 12s);
  options.api.told_every = 0s;
  EXPECT_LT(longest_until_locked(options), 1s);
}

/// What ran there is concluded from polls, and those are made then.
TEST(SimWorld, BeingToldSurvivesInterruptions) {
  SimOptions options = told_history(3, 40);
  options.faults.interruptions_per_hour = 4;
  options.storms = {{0s, options.duration}};
  for (WorkloadContainer& c : options.workload) {
    c.scheduling.preemptible = true;
    c.run_time = 10min;
  }
  std::map<std::uint32_t, SimContainerRecord> last;
  for (const SimContainerRecord& c : records_of(options)) last[c.workload_index] = c;
  ASSERT_EQ(last.size(), 40U);
  bool again = false;
  for (const auto& [index, c] : last) {
    again = again || c.attempt > 1;
    EXPECT_LT(c.submitted, 2h) << "a lost one is given up, and made anew, within minutes";
  }
  EXPECT_TRUE(again);
}

TEST(SimWorld, WhatNeverEndsIsTold) {
  SimOptions options = plain_history(1, 1);
  options.workload[0].run_time = 100h;
  SimWorld world(std::move(options));
  EXPECT_FALSE(world.run());
  EXPECT_EQ(world.violation()->invariant, "ends");
}

TEST(SimWorld, WhatIsThrownIsTold) {
  class Thrower final : public SimObserver {
   public:
    void on_event(const SimEvent& event) override {
      if (event.kind == SimEventKind::running) throw std::runtime_error("on purpose");
    }
  } thrower;
  SimWorld world(plain_history(1, 1));
  world.observe(thrower);
  EXPECT_FALSE(world.run());
  EXPECT_EQ(said(world).substr(0, 24), "no-exception: on purpose");
}

struct Fault {
  const char* name;
  double SimFaults::*rate;
  double value;
};

class FaultAlone : public testing::TestWithParam<Fault> {};

/// It strikes, and nothing that was promised is broken by it.
TEST_P(FaultAlone, IsStood) {
  std::map<std::string_view, std::uint64_t> strikes;
  for (const std::uint64_t seed : {1, 2, 3}) {
    SimOptions options = plain_history(seed);
    options.duration = 90min;
    options.storms = {{0s, 40min}};
    options.faults.*GetParam().rate = GetParam().value;
    if (GetParam().rate == &SimFaults::leaves_stale_lock) options.faults.dies_during = 0.3;  // which it comes after
    if (GetParam().rate == &SimFaults::tags_failed) options.faults.operator_verbs_per_hour = 20;
    if (GetParam().rate == &SimFaults::prices_change) options.faults.restarts_per_hour = 6;
    if (GetParam().rate == &SimFaults::interruptions_per_hour)
      for (WorkloadContainer& c : options.workload) c.scheduling.preemptible = true;
    options.api.event_bus = SimEventBusModel{};
    options.cluster.containers.cloud_vms.exit_watch = true;
    SimWorld world(std::move(options));
    EXPECT_TRUE(world.run()) << "seed " << seed << ": " << said(world);
    EXPECT_TRUE(world.all_done());
    for (const auto& [fault, count] : world.strikes()) strikes[fault] += count;
  }
  for (const NamedFault& fault : named_faults())
    if (fault.rate == GetParam().rate) EXPECT_GT(strikes[fault.name], 0U) << fault.name;
}

const std::vector<Fault> all_faults = {
    {"BusRefuses", &SimFaults::bus_refuses, 0.5},
    {"BusBreaks", &SimFaults::bus_breaks, 0.5},
    {"NewsLost", &SimFaults::news_lost, 0.3},
    {"NewsLate", &SimFaults::news_late, 0.3},
    {"NewsDoubled", &SimFaults::news_doubled, 0.3},
    {"NewsGarbled", &SimFaults::news_garbled, 0.3},
    {"NewsOutdated", &SimFaults::news_outdated, 0.3},
    {"LeavesStaleLock", &SimFaults::leaves_stale_lock, 0.5},
    {"ApiError", &SimFaults::api_error, 0.1},
    {"ApiUnavailable", &SimFaults::api_unavailable, 0.1},
    {"ApiTimeout", &SimFaults::api_timeout, 0.05},
    {"ApiLostAnswer", &SimFaults::api_lost_answer, 0.05},
    {"ApiSlow", &SimFaults::api_slow, 0.2},
    {"ApiGarbled", &SimFaults::api_garbled, 0.1},
    {"ListStale", &SimFaults::list_stale, 0.1},
    {"CreateRefused", &SimFaults::create_refused, 0.3},
    {"CreateThrottled", &SimFaults::create_throttled, 0.3},
    {"CreateNoRoom", &SimFaults::create_no_room, 0.3},
    {"CreateOverQuota", &SimFaults::create_over_quota, 0.3},
    {"CreateLost", &SimFaults::create_lost, 0.3},
    {"CreateDoubled", &SimFaults::create_doubled, 0.3},
    {"ListFailed", &SimFaults::list_failed, 0.3},
    {"ListedLate", &SimFaults::listed_late, 0.3},
    {"ListOmission", &SimFaults::list_omission, 0.1},
    {"TagsLate", &SimFaults::tags_late, 0.3},
    {"TagsFailed", &SimFaults::tags_failed, 0.3},
    {"DestroyFailed", &SimFaults::destroy_failed, 0.3},
    {"DestroyLost", &SimFaults::destroy_lost, 0.3},
    {"CloudSlow", &SimFaults::cloud_slow, 0.2},
    {"CloudLost", &SimFaults::cloud_lost, 0.1},
    {"NeverBoots", &SimFaults::never_boots, 0.2},
    {"SlowBoot", &SimFaults::slow_boot, 0.2},
    {"Deaths", &SimFaults::deaths_per_hour, 2},
    {"Interruptions", &SimFaults::interruptions_per_hour, 4},
    {"Hangs", &SimFaults::hangs_per_hour, 1},
    {"Partitions", &SimFaults::partitions_per_hour, 3},
    {"Breakdowns", &SimFaults::breakdowns_per_hour, 2},
    {"CommandSlow", &SimFaults::command_slow, 0.1},
    {"CommandDropped", &SimFaults::command_dropped, 0.1},
    {"CommandCut", &SimFaults::command_cut, 0.1},
    {"CommandKilled", &SimFaults::command_killed, 0.1},
    {"WatchBreaks", &SimFaults::watch_breaks, 0.5},
    {"WatchMisses", &SimFaults::watch_misses, 0.3},
    {"WatchLies", &SimFaults::watch_lies, 0.3},
    {"StartFails", &SimFaults::start_fails, 0.2},
    {"DiesBefore", &SimFaults::dies_before, 0.2},
    {"GivesBack", &SimFaults::gives_back, 0.2},
    {"DiesDuring", &SimFaults::dies_during, 0.2},
    {"DiesAfter", &SimFaults::dies_after, 0.2},
    {"Lingers", &SimFaults::lingers, 0.3},
    {"IgnoresTerm", &SimFaults::ignores_term, 0.3},
    {"Kills", &SimFaults::kills_per_hour, 6},
    {"Restarts", &SimFaults::restarts_per_hour, 6},
    {"LeaseLosses", &SimFaults::lease_losses_per_hour, 6},
    {"ClockSteps", &SimFaults::clock_steps_per_hour, 6},
    {"PricesChange", &SimFaults::prices_change, 0.5},
    {"OperatorVerbs", &SimFaults::operator_verbs_per_hour, 20},
    {"UserVerbs", &SimFaults::user_verbs_per_hour, 30},
};

TEST(SimFaults, AreAllTriedAlone) {
  for (const NamedFault& fault : named_faults())
    EXPECT_EQ(1,
              std::count_if(all_faults.begin(), all_faults.end(), [&](const Fault& f) { return f.rate == fault.rate; }))
        << fault.name;
}

INSTANTIATE_TEST_SUITE_P(Each, FaultAlone, testing::ValuesIn(all_faults),
                         [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace berth
