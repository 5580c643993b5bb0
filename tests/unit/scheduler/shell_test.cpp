// The scheduler's loop over a real queue and pool, with the API, the cloud and the machines faked, in simulated time.
#include <gtest/gtest.h>

#include "shell_fixture.hpp"

namespace berth {
namespace {

TEST_F(ShellTest, PolicyCostAsksWhatRanBefore) {
  start();
  ASSERT_TRUE(wait_for([this] { return scheduler->queue() != nullptr; }));
  runtime.run_for(minutes(1));
  EXPECT_EQ(api.count("finished"), 0);  // greedy
  stop();
  options.policy = "cost";
  start();
  EXPECT_EQ(api.count("finished"), 0);  // first of all it looks at what there is
  EXPECT_TRUE(wait_for([this] { return api.count("finished") == 1; }));
  runtime.run_for(minutes(10));
  EXPECT_EQ(api.count("finished"), 1);
}

TEST_F(ShellTest, APassDoesNotFollowItsOwnStarts) {
  queue_options.poll_interval = pool_options.probe_interval = minutes(60);
  cloud->on_create = [](FakeCloud::Vm&) {};  // runners that never say anything
  add_old_instance({}).machine->on_start = {};
  for (int i = 1; i <= 2; ++i) api.add(i);
  start();
  EXPECT_TRUE(wait_for([&] { return pool->snapshot()->running.size() == 2; }));
  runtime.run_for(seconds(1));
  const double passes = metric("berth_scheduler_passes_total"), changes = metric("berth_scheduler_changes_total");
  EXPECT_LE(passes, 5) << "for the lists, the idle instance and each lock, but not for the starts";
  runtime.run_for(seconds(20));
  EXPECT_EQ(metric("berth_scheduler_passes_total"), passes);
  EXPECT_GE(changes, passes);
  EXPECT_GE(metric("berth_scheduler_plan_to_start_seconds_count"), 1);
}

TEST_F(ShellTest, APassDoesNotFollowTheStartsOfAPass) {
  queue_options.poll_interval = pool_options.probe_interval = minutes(60);
  pool_options.sync_interval = minutes(60);
  cloud->on_create = [](FakeCloud::Vm&) {};  // runners that never say anything
  api.add(1);
  start();
  EXPECT_TRUE(wait_for([&] { return pool->snapshot()->running.size() == 1; }, minutes(5)));
  runtime.run_for(seconds(1));
  EXPECT_EQ(metric("berth_scheduler_passes_total"), 5)
      << "the lists, the container, its lock, the new instance, that it is ready";
}

TEST_F(ShellTest, RunsContainersOnceEachAndLeavesNothing) {
  for (int i = 1; i <= 5; ++i) api.add(i);
  start();
  EXPECT_TRUE(wait_for([&] {
    for (int i = 1; i <= 5; ++i)
      if (api.at(i).state != complete) return false;
    return queue->snapshot()->entries.empty() && pool->snapshot()->running.empty();
  }));
  EXPECT_EQ(starts.size(), 5u);
  for (const auto& [id, count] : starts) EXPECT_EQ(count, 1) << id;
  EXPECT_EQ(cloud->creates.size(), 3u) << "two to an instance";
  EXPECT_EQ(api.count("lock"), 5u);
  EXPECT_EQ(api.count("unlock"), 0u);
  EXPECT_EQ(api.count("cancel"), 0u);
  EXPECT_TRUE(wait_for([&] { return cloud->vms.empty(); }, minutes(5))) << "idle instances go";
}

TEST_F(ShellTest, PublishesTheSortedQueueAndMetrics) {
  api.add(1, 5);
  api.add(2, 0);
  api.add_locked(3, locked);
  cloud->hang_creates = true;
  start();
  EXPECT_TRUE(wait_for([&] { return scheduler->queue() && scheduler->queue()->containers.size() == 2; }));
  const auto shown = [&](std::size_t i) { return scheduler->queue()->containers.at(i); };
  EXPECT_TRUE(wait_for([&] { return shown(0).entry->container.uuid == uuid(1); })) << "locked, and of higher priority";
  EXPECT_TRUE(wait_for([&] { return shown(0).reason == Reason::new_instance; }));
  EXPECT_EQ(status_text(shown(0)), "Waiting for an instance of type small to be ready.");
  EXPECT_TRUE(metric_is("containers_allocated_not_started 2"));
  EXPECT_TRUE(metric_is("max_concurrent_containers 0"));
  EXPECT_TRUE(metric_is("last_503_time 0"));
}

TEST_F(ShellTest, DoesNothingWhileNotActive) {
  api.add(1);
  active = false;
  start();
  runtime.run_for(seconds(30));
  EXPECT_EQ(api.count("lock"), 0u);
  EXPECT_TRUE(cloud->creates.empty());
  active = true;
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == complete; }));
}

TEST_F(ShellTest, OneOperationPerContainerAtATime) {
  api.add(1);
  api.intercept = [](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "lock") return Error{ErrorKind::timeout, "no answer"};
    return std::nullopt;
  };
  api.call_deadline = seconds(30);
  start();
  runtime.run_for(seconds(20));
  EXPECT_EQ(api.count("lock"), 1u) << "while it hangs there is no second";
  runtime.run_for(seconds(20));
  EXPECT_EQ(api.count("lock"), 2u) << "then it is tried again";
}

TEST_F(ShellTest, StopEndsOperationsThatHang) {
  api.add(1);
  api.latency = minutes(5);
  start();
  runtime.run_for(minutes(30));
  const SteadyTime before = runtime.now();
  stop();
  EXPECT_LT(runtime.now() - before, seconds(10));
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

TEST_F(ShellTest, RecoversRunningContainersAndUnlocksStaleLocks) {
  api.add_locked(1);
  api.add_locked(2, running);
  api.add_locked(3);
  add_old_instance({2, 3}).machine->boots_at = runtime.now() + seconds(5);  // unknown until then
  start();
  EXPECT_TRUE(wait_for([&] { return pool->snapshot()->count(WorkerState::running) == 1; }));
  EXPECT_EQ(api.count("cancel"), 0u);
  EXPECT_TRUE(wait_for([&] { return api.count("unlock") == 1; }, seconds(5)));
  runtime.run_for(seconds(5));
  for (const FakeCall& call : api.calls)
    if (call.verb == "unlock") EXPECT_EQ(call.uuid, uuid(1)) << "3 turned up on the worker and stays locked";
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == complete; })) << "locked again, and run";
  EXPECT_EQ(cloud->machines.at("i-1")->count_commands("--kill"), 0);
}

TEST_F(ShellTest, StaleLocksAreReleasedAfterTheTimeoutThoughAWorkerStaysUnknown) {
  api.add_locked(1);
  add_old_instance({}).machine->unreachable = true;
  options.stale_lock_timeout = seconds(20);
  start();
  runtime.run_for(seconds(19));
  EXPECT_EQ(api.count("unlock"), 0u);
  EXPECT_TRUE(cloud->creates.empty()) << "no pass before the phase has ended";
  runtime.run_for(seconds(3));
  EXPECT_EQ(api.count("unlock"), 1u);
}

TEST_F(ShellTest, ALostContainerIsCancelledOnceNoWorkerIsUnknown) {
  api.add_locked(1, running);
  FakeCloud::Vm& vm = add_old_instance({});
  vm.machine->unreachable = true;
  options.stale_lock_timeout = seconds(1);
  pool_options.sync_interval = seconds(10);
  start();
  runtime.run_for(seconds(30));
  EXPECT_EQ(api.count("cancel"), 0u);
  cloud->vms.erase(vm.id);
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == cancelled && queue->snapshot()->entries.empty(); }));
}

/// As one that was sent by an earlier process, and was long under way.
TEST_F(ShellTest, WhatAStartHasBegunBehindTheLatestProbeIsNotLost) {
  FakeCloud::Vm& vm = add_old_instance({});
  FakeCloud::Vm& silent = add_old_instance({});
  pool_options.probe_interval = minutes(1);
  pool_options.timeout_idle = minutes(60);
  options.stale_lock_timeout = seconds(1);
  start();
  EXPECT_TRUE(wait_for([&] { return pool->snapshot()->count(WorkerState::idle) == 2; }));
  silent.machine->unreachable = true;
  vm.machine->runners[uuid(1)] = {};
  api.add_locked(1, running);
  EXPECT_TRUE(wait_for([&] { return pool->snapshot()->running.find(uuid(1)) != nullptr; }, seconds(5)));
  runtime.run_for(minutes(1));
  EXPECT_EQ(api.count("cancel"), 0u);

  api.add_locked(2, running);
  EXPECT_TRUE(wait_for([&] { return api.at(2).state == cancelled; }, seconds(20))) << "who is silent is not waited for";
}

/// What is started on the one has a first runner on the other: an earlier process' start was long under way. The first
/// claims the container, the second is refused, and ends.
class SecondRunner : public ShellTest {
 protected:
  SecondRunner() {
    pool_options.probe_interval = minutes(1);
    pool_options.timeout_idle = pool_options.timeout_booting = minutes(60);
    options.stale_lock_timeout = seconds(1);
  }
  FakeMachine& add_machine() {
    FakeMachine& machine = *add_old_instance({}).machine;
    machine.watchable = true;
    return machine;
  }
  void has_first_runner_on(FakeMachine& ours, FakeMachine& other) {
    ours.on_start = [&](const std::string& uuid, const std::string&) {
      other.runners[uuid] = {};
      EXPECT_TRUE(api.runner_sets(uuid, running));
      tasks.push_back(std::make_unique<SimTask<void>>(runtime, be_refused(ours, uuid)));
    };
  }
  awaitable<void> be_refused(FakeMachine& machine, std::string uuid) {
    co_await runtime.sleep_for(seconds(1));
    machine.exit(uuid);
    ++refused;
  }
  int refused = 0;
};

TEST_F(SecondRunner, WhatItWasRefusedIsNotLost) {
  FakeMachine& one = add_machine();
  FakeMachine& another = add_machine();
  has_first_runner_on(one, another);
  has_first_runner_on(another, one);
  start();
  ASSERT_TRUE(wait_for([&] { return pool->snapshot()->count(WorkerState::idle) == 2; }));
  api.add(1);
  ASSERT_TRUE(wait_for([&] { return refused == 1; }));
  runtime.run_for(seconds(20));
  EXPECT_EQ(api.count("cancel"), 0u);
  EXPECT_EQ(pool->snapshot()->count(WorkerState::running), 1) << "found, though no round of probes was due";
  for (FakeMachine* machine : {&one, &another}) machine->exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == cancelled; }, seconds(5))) << "now it is lost";
}

TEST_F(SecondRunner, WhatItWasRefusedMayRunOnAWorkerThatNobodyHasSeenYet) {
  FakeMachine& ours = add_machine();
  FakeMachine& unknown = add_machine();
  has_first_runner_on(ours, unknown);
  unknown.unreachable = true;
  start();
  api.add(1);
  ASSERT_TRUE(wait_for([&] { return refused == 1; }));
  runtime.run_for(minutes(5));
  EXPECT_EQ(api.count("cancel"), 0u);
  unknown.unreachable = false;
  ASSERT_TRUE(wait_for([&] { return pool->snapshot()->count(WorkerState::running) == 1; }));
  runtime.run_for(minutes(5));
  EXPECT_EQ(api.count("cancel"), 0u);
  unknown.exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == cancelled; }, seconds(5))) << "now it is lost";
}

TEST_F(ShellTest, PriorityZeroStopsARunningContainerAndRequeuesALockedOne) {
  api.add(1);
  start();
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == running; }));
  api.user_sets_priority(uuid(1), 0);
  EXPECT_TRUE(wait_for([&] { return cloud->machines.at("i-1")->count_commands("--kill 15") > 0; }));
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == cancelled; })) << "its runner left no final state";

  cloud->hang_creates = true;
  for (auto& [id, vm] : cloud->vms) vm.machine->unreachable = true;
  api.add(2).runtime_constraints.vcpus = 2;
  api.add(3).runtime_constraints.vcpus = 2;
  EXPECT_TRUE(wait_for([&] { return api.at(3).state == locked; }));
  api.user_sets_priority(uuid(3), 0);
  EXPECT_TRUE(wait_for([&] { return api.at(3).state == queued; }));
}

TEST_F(ShellTest, WhatCompletesWhileItIsStoppedStaysComplete) {
  queue_options.poll_interval = seconds(8);
  options.stale_lock_timeout = seconds(1);
  api.add(1);
  start();
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == running; }));
  FakeMachine& machine = *cloud->machines.at("i-1");
  api.user_sets_priority(uuid(1), 0);
  EXPECT_TRUE(wait_for([&] { return queue->snapshot()->entries.find(uuid(1))->container.priority == 0; }));
  EXPECT_TRUE(api.runner_sets(uuid(1), complete)) << "its command had ended before the signal";
  machine.exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return queue->snapshot()->entries.empty() && pool->snapshot()->running.empty(); }));
  EXPECT_EQ(api.at(1).state, complete);
  EXPECT_EQ(api.count("cancel"), 0u);
}

TEST_F(ShellTest, WhatRunsOfARecordThatCannotBeReadIsLeftAlone) {
  options.stale_lock_timeout = seconds(1);
  api.add_locked(1, running);
  api.records.at(uuid(1)).unreadable = "vcpus: 1.5";
  add_old_instance({1});
  api.add(2);
  start();
  EXPECT_TRUE(wait_for([&] { return api.at(2).state == complete; })) << "nor does it stop the others";
  FakeMachine& machine = *cloud->machines.at("i-1");
  EXPECT_EQ(machine.count_commands("--kill"), 0);
  machine.exit(uuid(1));
  runtime.run_for(seconds(10));
  EXPECT_EQ(api.at(1).state, running);
  api.records.at(uuid(1)).unreadable.clear();
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == cancelled; })) << "known again, and lost";
}

TEST_F(ShellTest, QuotaUnlocksAllButTheFirstAndA503LowersTheLimit) {
  options.max_instances = pool_options.max_instances = 1;
  for (int i = 1; i <= 3; ++i) api.add(i, 10 - i).runtime_constraints.vcpus = 2;
  start();
  EXPECT_TRUE(wait_for([&] { return api.at(1).state == running; }));
  EXPECT_TRUE(metric_is("at_quota 1"));
  EXPECT_TRUE(metric_is("max_concurrent_containers 1"));
  bool refuse = true;
  api.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (refuse && call.verb == "list") return Error{ErrorKind::unavailable, "busy"};
    return std::nullopt;
  };
  runtime.run_for(seconds(3));
  refuse = false;
  EXPECT_TRUE(wait_for([&] { return !metric_is("last_503_time 0"); }));
  EXPECT_TRUE(wait_for([&] { return api.at(3).state == complete; }, minutes(5)));
}

TEST_F(ShellTest, PassesDoNotSpinWhenNothingChanges) {
  api.add(1);
  cloud->hang_creates = true;
  pool_options.probe_interval = pool_options.sync_interval = queue_options.poll_interval = minutes(10);
  start();
  runtime.run_for(seconds(5));
  const auto before = scheduler->queue();
  runtime.run_for(minutes(5));
  EXPECT_EQ(scheduler->queue(), before) << "no pass without a reason";
}

/// A clock that goes on by itself while somebody works.
class BusyClock final : public Runtime {
 public:
  explicit BusyClock(SimRuntime& idle) : idle_(idle) {}
  void work(Duration time) { worked_ += time; }
  asio::any_io_executor executor() override { return idle_.executor(); }
  asio::any_io_executor blocking_executor() override { return idle_.blocking_executor(); }
  SteadyTime now() const override { return idle_.now() + worked_; }
  WallTime wall_now() const override { return idle_.wall_now() + worked_; }
  awaitable<void> sleep_until(SteadyTime when) override { return idle_.sleep_until(when - worked_); }
  std::uint64_t random() override { return idle_.random(); }
  void secret_bytes(unsigned char* out, std::size_t size) override { idle_.secret_bytes(out, size); }

 private:
  SimRuntime& idle_;
  Duration worked_{};
};

/// Each pass asks it for the last 503, once, and takes so long.
struct SlowApi final : FakeContainerApi {
  SlowApi(BusyClock& c, Duration time) : FakeContainerApi(c), clock(c), takes(time) {}
  std::optional<SteadyTime> last_503() const override {
    clock.work(takes);
    return std::nullopt;
  }
  BusyClock& clock;
  const Duration takes;
};

class SlowPasses : public ShellTest, public testing::WithParamInterface<std::pair<int, int>> {};

TEST_P(SlowPasses, ArePausedAfterForAsLong) {
  const auto [takes, expected] = GetParam();
  BusyClock clock(runtime);
  SlowApi slow(clock, milliseconds(takes));
  scheduler_runtime = &clock;
  scheduler_api = &slow;
  cloud->hang_creates = true;
  start();
  runtime.run_for(seconds(2));
  const double before = metric("berth_scheduler_passes_total");
  for (int step = 0; step < 1000; ++step) {  // a storm of a second
    api.add(step);
    queue->tell({uuid(step), queued});
    runtime.run_for(milliseconds(1));
  }
  EXPECT_NEAR(metric("berth_scheduler_passes_total") - before, expected, 1 + expected / 10);
}

// The pass itself counts into the 5 ms that two of them are apart at least. A pass takes no time of `runtime`.
INSTANTIATE_TEST_SUITE_P(Milliseconds, SlowPasses,
                         testing::Values(std::pair(0, 200), std::pair(20, 50), std::pair(200, 5)));

}  // namespace
}  // namespace berth
