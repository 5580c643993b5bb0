// The wired dispatcher in simulated time (facts §14, first part).
#include <gtest/gtest.h>
#include <sstream>

#include "world.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

void expect_all_complete_once(const World& world) {
  for (const auto& [uuid, record] : world.api.records) {
    EXPECT_EQ(record.container.state, ContainerState::complete) << uuid << ' ' << record.runtime_error;
    EXPECT_EQ(world.runs.contains(uuid) ? world.runs.at(uuid) : 0, 1) << uuid;
  }
  EXPECT_FALSE(world.doubled);
}

TEST(Dispatcher, RunsEachContainerOnceAndDestroysWhatNobodyNeeds) {
  World world;
  for (int i = 0; i < 60; ++i) world.add(i, 1 + i % 3, 1 + i % 5, 1 + i % 7);
  world.start();
  ASSERT_TRUE(world.finish());
  expect_all_complete_once(world);
  EXPECT_TRUE(world.runtime.run_until([&] { return world.cloud->vms.empty(); }, 10min)) << world.cloud->vms.size();
  EXPECT_LE(world.cloud->creates.size(), 60U);
  EXPECT_TRUE(world.runtime.run_until([&] { return world.dispatcher().queue()->snapshot()->entries.empty(); }, 1min));
}

TEST(Dispatcher, HigherPrioritiesStartFirst) {
  World world;
  world.cluster.containers.cloud_vms.max_instances = 1;
  world.cluster.containers.cloud_vms.max_running_containers_per_instance = 1;
  for (int i = 0; i < 10; ++i) world.add(i, 1, 1, 1 + (i * 7) % 10);
  std::vector<std::int64_t> started;
  world.api.after_call = [&](const FakeCall&) {
    for (const auto& [uuid, record] : world.api.records)
      if (record.container.state == ContainerState::running &&
          (started.empty() || std::find(started.begin(), started.end(), record.container.priority) == started.end()))
        started.push_back(record.container.priority);
  };
  world.start();
  ASSERT_TRUE(world.finish());
  ASSERT_EQ(started.size(), 10U);
  EXPECT_TRUE(std::is_sorted(started.rbegin(), started.rend()));
}

TEST(Dispatcher, AContainerThatFitsNowhereEndsWithAReason) {
  World world;
  const std::string uuid = world.add(1, 4096);
  world.start();
  ASSERT_TRUE(world.finish(2min));
  EXPECT_EQ(world.api.records.at(uuid).container.state, ContainerState::cancelled);
  EXPECT_NE(world.api.records.at(uuid).runtime_error.find("satisf"), std::string::npos);
  EXPECT_TRUE(world.cloud->creates.empty());
}

TEST(Dispatcher, AUserCancelsWhatRuns) {
  World world;
  world.run_time = 10h;
  const std::string uuid = world.add(1);
  world.start();
  ASSERT_TRUE(world.runtime.run_until([&] { return world.live.contains(uuid); }, 10min));
  world.api.user_sets_priority(uuid, 0);
  ASSERT_TRUE(world.finish(1min));
  EXPECT_EQ(world.api.records.at(uuid).container.state, ContainerState::cancelled);
}

/// Without an event bus, and between two polls: the worker tells of the end, and the API is asked how it came.
TEST(Dispatcher, AnEndIsLookedUpAtOnce) {
  World world;
  CloudVmsConfig& vms = world.cluster.containers.cloud_vms;
  vms.poll_interval = 1h;
  vms.exit_watch = true;
  const auto adopt = world.cloud->on_create;
  world.cloud->on_create = [adopt](FakeCloud::Vm& vm) {
    adopt(vm);
    vm.machine->watchable = true;
  };
  const std::string uuid = world.add(1);
  world.start();
  ASSERT_TRUE(world.finish(10min));
  world.runtime.run_for(50ms);
  EXPECT_TRUE(world.dispatcher().queue()->snapshot()->entries.empty()) << "it is Complete, and forgotten";
  EXPECT_TRUE(world.dispatcher().pool()->snapshot()->running.empty()) << "nothing is left of its process";
  EXPECT_EQ(world.api.count("lock"), 1U);
  EXPECT_EQ(world.api.count_lists("fetch"), 1U);
  EXPECT_EQ(world.api.count("cancel") + world.api.count("unlock"), 0U);
}

/// A runner that dies says nothing: the record that is fetched then is left alone, and the next poll settles it.
TEST(Dispatcher, AnEndWithoutAFinalRecordIsSettledByTheNextPoll) {
  World world;
  world.run_time = 10h;
  world.cluster.containers.stale_lock_timeout = 1s;
  world.cluster.containers.cloud_vms.exit_watch = true;
  FakeMachine* machine = nullptr;
  const auto adopt = world.cloud->on_create;
  world.cloud->on_create = [&, adopt](FakeCloud::Vm& vm) {
    adopt(vm);
    machine = vm.machine.get();
    machine->watchable = true;
  };
  const std::string uuid = world.add(1);
  world.start();
  for (const auto after_running : {false, true}) {
    const auto reached = after_running ? ContainerState::running : ContainerState::locked;
    ASSERT_TRUE(world.runtime.run_until(
        [&] {
          return machine && machine->runners.contains(uuid) && world.api.records.at(uuid).container.state == reached;
        },
        10min));
    world.runtime.run_for(100ms);
    const std::size_t fetched = world.api.count_lists("fetch");
    machine->exit(uuid);
    world.runtime.run_for(100ms);
    EXPECT_EQ(world.api.count_lists("fetch"), fetched + 1);
    EXPECT_EQ(world.api.records.at(uuid).container.state, reached);
    ASSERT_TRUE(world.runtime.run_until([&] { return world.api.records.at(uuid).container.state != reached; }, 11s));
    EXPECT_EQ(world.api.count("unlock"), 1U);
  }
  EXPECT_EQ(world.api.records.at(uuid).container.state, ContainerState::cancelled);
  EXPECT_NE(world.api.records.at(uuid).runtime_error.find("without giving the container a final state"),
            std::string::npos);
}

TEST(Dispatcher, ARunnerThatDiesIsNoticedAndItsContainerTriedAgainOrCancelled) {
  World world(5);
  world.crash_percent = 30;
  for (int i = 0; i < 40; ++i) world.add(i);
  world.start();
  ASSERT_TRUE(world.finish());
  expect_all_complete_once(world);
}

TEST(Dispatcher, AnotherStartAdoptsWhatRuns) {
  for (const Duration moment : {5s, 25s, 40s, 60s}) {
    World world;
    for (int i = 0; i < 30; ++i) world.add(i);
    world.start();
    world.runtime.run_for(moment);
    world.stop();
    world.start();
    ASSERT_TRUE(world.finish());
    expect_all_complete_once(world);
  }
}

/// The one before was killed while it started a container: the runner shows up after our first probe.
TEST(Dispatcher, AStartByAnEarlierOneMayComeThroughLate) {
  World world;
  world.run_time = 10h;
  const std::string uuid = world.add(1);
  world.start();
  ASSERT_TRUE(world.runtime.run_until([&] { return world.live.contains(uuid); }, 10min));
  world.stop();
  auto& runners = world.cloud->vms.begin()->second.machine->runners;
  auto late = runners.extract(uuid);
  ASSERT_TRUE(late);
  world.start();
  world.runtime.run_for(8s);
  runners.insert(std::move(late));
  world.runtime.run_for(10min);
  EXPECT_EQ(world.api.count("cancel"), 0U);
  EXPECT_EQ(world.api.records.at(uuid).container.state, ContainerState::running);
  runners.clear();  // lost for good
  EXPECT_TRUE(world.finish(2min));
}

TEST(Dispatcher, WithoutTheLeaseNothingIsDone) {
  World world;
  world.lease.is_held = false;
  world.add(1);
  world.start();
  world.runtime.run_for(10min);
  EXPECT_TRUE(world.cloud->creates.empty());
  EXPECT_EQ(world.api.count("lock"), 0U);
  EXPECT_TRUE(world.api.calls.empty());
  EXPECT_FALSE(world.dispatcher().active());
  EXPECT_NE(world.metrics().find("berth_active 0\n"), std::string::npos);
  world.lease.set_held(true);
  EXPECT_TRUE(world.finish(10min));
  EXPECT_TRUE(world.dispatcher().active());
  EXPECT_NE(world.metrics().find("berth_active 1\n"), std::string::npos);
}

std::vector<std::size_t> effects(const World& world) {
  return {world.api.count("lock"),     world.api.count("unlock"),    world.api.count("cancel"),
          world.cloud->creates.size(), world.cloud->destroys.size(), world.runs.size()};
}

/// The sum of all series of a metric.
double summed(const World& world, const std::string& name) {
  std::istringstream text(world.metrics());
  double sum = 0;
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(name + ' ') || line.starts_with(name + '{')) sum += std::stod(line.substr(line.rfind(' ')));
  return sum;
}

TEST(Dispatcher, AfterALossNothingIsDoneUntilTheLeaseIsBack) {
  for (const Duration moment : {1s, 15s, 30s, 50s, 70s, 130s}) {
    World world;
    for (int i = 0; i < 30; ++i) world.add(i, 1 + i % 2);
    world.start();
    world.runtime.run_for(moment);
    const std::size_t losses = world.api.calls.size();
    world.lease.set_held(false);
    world.runtime.run_for(1500ms);  // a runner that has been started goes on to set Running, without us
    const auto before = effects(world);
    EXPECT_LE(world.api.calls.size(), losses + 1) << "a poll under way may end";
    world.runtime.run_for(10min);
    EXPECT_EQ(effects(world), before) << std::chrono::duration<double>(moment).count();
    EXPECT_EQ(summed(world, "arvados_dispatchcloud_queue_entries"), 0) << "or two dispatchers would show them";
    EXPECT_EQ(summed(world, "arvados_dispatchcloud_instances_total"), 0);
    EXPECT_EQ(summed(world, "arvados_dispatchcloud_containers_running"), 0);
    EXPECT_EQ(summed(world, "arvados_dispatchcloud_containers_longest_wait_time_seconds"), 0);
    world.lease.set_held(true);
    world.runtime.run_for(1s);
    EXPECT_EQ(summed(world, "arvados_dispatchcloud_queue_entries"),
              static_cast<double>(world.dispatcher().queue()->snapshot()->entries.size()));
    ASSERT_TRUE(world.finish()) << world.describe();
    expect_all_complete_once(world);
    EXPECT_TRUE(world.runtime.run_until([&] { return world.cloud->vms.empty(); }, 10min));
    EXPECT_NE(world.metrics().find("berth_lock_losses_total 1\n"), std::string::npos);
  }
}

/// The lease has run out, but nobody has been told yet: as after the process was stopped for a while.
TEST(Dispatcher, ALossThatNobodyToldOfStopsEveryEffectAtOnce) {
  for (const Duration moment : {1s, 15s, 30s, 50s, 70s, 130s}) {
    World world;
    for (int i = 0; i < 30; ++i) world.add(i, 1 + i % 2);
    world.start();
    world.runtime.run_for(moment);
    world.lease.is_held = false;
    world.runtime.run_for(1500ms);
    const auto before = effects(world);
    world.runtime.run_for(5min);
    EXPECT_EQ(effects(world), before) << std::chrono::duration<double>(moment).count();
    world.lease.set_held(false);
    world.runtime.run_for(1s);
    world.lease.set_held(true);
    ASSERT_TRUE(world.finish()) << world.describe();
    expect_all_complete_once(world);
  }
}

/// Lost, and had again, before anybody was told: another dispatcher may have acted in between.
TEST(Dispatcher, ATermThatNobodyToldOfBeginsAnew) {
  for (const Duration moment : {1s, 15s, 30s, 50s, 70s, 130s}) {
    SCOPED_TRACE(std::chrono::duration<double>(moment).count());
    World world;
    for (int i = 0; i < 30; ++i) world.add(i, 1 + i % 2);
    world.start();
    world.runtime.run_for(moment);
    const std::shared_ptr<WorkerPool> pool = world.dispatcher().pool();
    ++world.lease.number;
    EXPECT_FALSE(world.dispatcher().active());
    world.runtime.run_for(1500ms);
    const auto before = effects(world);
    world.runtime.run_for(5min);
    EXPECT_EQ(effects(world), before) << "what the term before knew is not acted upon";
    EXPECT_EQ(world.dispatcher().pool(), pool);

    world.lease.changed().notify();
    world.runtime.run_for(1s);
    EXPECT_NE(world.dispatcher().pool(), pool);
    EXPECT_TRUE(world.dispatcher().active());
    EXPECT_EQ(summed(world, "berth_lock_losses_total"), 1);
    ASSERT_TRUE(world.finish()) << world.describe();
    expect_all_complete_once(world);
  }
}

TEST(Dispatcher, WhatNothingWasMissedOfGoesOn) {
  World world;
  world.start();
  world.runtime.run_for(5s);
  const std::shared_ptr<WorkerPool> pool = world.dispatcher().pool();
  world.lease.changed().notify();
  world.runtime.run_for(5s);
  EXPECT_EQ(world.dispatcher().pool(), pool);
  EXPECT_EQ(summed(world, "berth_lock_losses_total"), 0);
}

TEST(Dispatcher, TheLeaseMayComeAndGo) {
  World world(11);
  for (int i = 0; i < 60; ++i) world.add(i, 1 + i % 2);
  world.start();
  for (int i = 0; i < 200 && !world.all_final(); ++i) {
    world.runtime.run_for(std::chrono::milliseconds(world.runtime.random() % 20000));
    world.lease.set_held(!world.lease.is_held);
    if (i % 5 == 0) world.lease.set_held(!world.lease.is_held);
  }
  world.lease.set_held(true);
  ASSERT_TRUE(world.finish()) << world.describe();
  expect_all_complete_once(world);
}

TEST(Dispatcher, StopLeavesNoTimerAndNothingUnlockedOrDestroyed) {
  World world;
  world.run_time = 10h;
  for (int i = 0; i < 5; ++i) world.add(i);
  world.start();
  ASSERT_TRUE(world.runtime.run_until([&] { return world.live.size() == 5; }, 10min));
  const std::size_t running = world.live.size();
  world.stop();
  world.runtime.settle();
  EXPECT_EQ(world.runtime.pending_timers(), running) << "only the runners' own timers are left";
  EXPECT_TRUE(world.cloud->destroys.empty());
  EXPECT_EQ(world.api.count("unlock"), 0U);
}

TEST(Dispatcher, A503LowersTheLimitAndEverythingStillFinishes) {
  World world;
  for (int i = 0; i < 60; ++i) world.add(i);
  int calls = 0;
  world.api.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "lock" && ++calls % 20 == 10) return Error{ErrorKind::unavailable, "busy"};
    return std::nullopt;
  };
  world.start();
  ASSERT_TRUE(world.finish());
  expect_all_complete_once(world);
  EXPECT_EQ(world.metrics().find("arvados_dispatchcloud_last_503_time 0\n"), std::string::npos);
}

/// The stub cloud of facts §14: errors, quota, rate limits, a type without room, instances that hang, break or never
/// boot.
TEST(Dispatcher, TwoHundredContainersOnAHostileCloud) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    World world(seed);
    world.crash_percent = 10;
    world.cloud->quota = 10;
    world.cloud->types_without_room = {"medium"};
    world.cluster.containers.maximum_price_factor = 10;  // what would want a medium one may have a large one
    int created = 0;
    const auto adopt = world.cloud->on_create;
    world.cloud->on_create = [&, adopt](FakeCloud::Vm& vm) {
      adopt(vm);
      ++created;
      if (created % 7 == 0) vm.machine->boots_at = world.runtime.now() + 24h;
      if (created % 11 == 0) vm.machine->hanging = true;
      if (created % 13 == 0) vm.machine->broken = true;
    };
    for (int i = 0; i < 40; ++i) {
      Error error{ErrorKind::failed, "the cloud has a bad day"};
      if (i % 3 == 0) {
        error.kind = ErrorKind::rate_limited;
        error.retry_at = world.runtime.now() + std::chrono::seconds(30 * i);
      }
      world.cloud->create_errors.push_back(i % 5 == 0 ? std::optional(error) : std::nullopt);
      if (i % 10 == 0) world.cloud->destroy_errors.push_back(error);
    }
    for (int i = 0; i < 200; ++i) world.add(i, 1 + i % 3 * (i % 2), 1, 1 + i % 9);
    world.start();
    ASSERT_TRUE(world.finish(24h)) << "seed " << seed << '\n' << world.describe();
    expect_all_complete_once(world);
    EXPECT_TRUE(world.runtime.run_until([&] { return world.cloud->vms.empty(); }, 1h));
  }
}

}  // namespace
}  // namespace berth
