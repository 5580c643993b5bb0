// The scheduler's loop over a real queue and pool, with the API, the cloud and the machines faked, in simulated time.
#include <gtest/gtest.h>

#include "berth/scheduler/scheduler.hpp"

#include "fake_cloud.hpp"
#include "fake_container_api.hpp"
#include "sim_test.hpp"
#include "starts_ahead.hpp"

namespace berth {
namespace {

using enum ContainerState;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class ShellTest : public testing::Test {
 protected:
  ShellTest() : api(runtime), cloud(std::make_shared<FakeCloud>(runtime)), instances(cloud) {
    InstanceType type;
    type.name = "small";
    type.provider_type = "p.small";
    type.vcpus = 2;
    type.ram = std::int64_t{4} << 30;
    type.price = 0.1;
    queue_options.instance_types = pool_options.instance_types = options.instance_types = {{"small", type}};
    queue_options.poll_interval = seconds(1);
    pool_options.instance_set_id = "test-set";
    pool_options.cluster_id = "zzzzz";
    pool_options.probe_interval = seconds(1);
    pool_options.max_probes_per_second = 1000;
    pool_options.max_concurrent_creates = 0;
    pool_options.timeout_idle = minutes(1);
    options.verify_share = 1;
    options.on_difference = [](const std::string& difference) { ADD_FAILURE() << difference; };
    cloud->on_create = [this](FakeCloud::Vm& vm) { play_runners(*vm.machine); };
  }
  ~ShellTest() override { stop(); }

  /// A runner takes 10 s to complete its container.
  void play_runners(FakeMachine& machine) {
    machine.on_start = [this, &machine](const std::string& uuid, const std::string&) {
      ++starts[uuid];
      EXPECT_TRUE(api.runner_sets(uuid, running));
      tasks.push_back(std::make_unique<SimTask<void>>(runtime, run_container(machine, uuid)));
    };
  }
  awaitable<void> run_container(FakeMachine& machine, std::string uuid) {
    co_await runtime.sleep_for(seconds(10));
    if (machine.runners.count(uuid) == 0) co_return;
    EXPECT_TRUE(api.runner_sets(uuid, complete));
    machine.exit(uuid);
  }

  void start() {
    queue = std::make_unique<ContainerQueue>(runtime, log->log(), metrics, api, queue_options);
    pool = std::make_unique<WorkerPool>(
        runtime, log->log(), metrics, instances, make_fake_executor,
        [](const std::string&, const InstanceType&, const std::string&) { return std::string("{}"); }, pool_options);
    scheduler = std::make_unique<Scheduler>(
        *scheduler_runtime, log->log(), metrics, *queue, *pool, *scheduler_api, [this] { return active; }, options);
    queue->start();
    pool->start();
    scheduler->start();
    runtime.settle();
  }
  void stop() {
    if (!scheduler) return;
    run_on(runtime, scheduler->stop());
    scheduler.reset();
    run_on(runtime, pool->stop());
    run_on(runtime, queue->stop());
    pool.reset();
    queue.reset();
  }

  static std::string uuid(int number) { return FakeContainerApi::uuid(number); }
  bool wait_for(const std::function<bool()>& done, Duration limit = minutes(2)) {
    return runtime.run_until(done, limit);
  }
  /// A machine from before this process, with these containers on it.
  FakeCloud::Vm& add_old_instance(std::initializer_list<int> containers) {
    FakeCloud::Vm& vm = cloud->add(
        "p.small",
        {{"ArvadosInstanceSetID", "test-set"}, {"ArvadosInstanceType", "small"}, {"ArvadosIdleBehavior", "run"}});
    for (int number : containers) vm.machine->runners[uuid(number)] = {};
    play_runners(*vm.machine);
    return vm;
  }
  double metric(const std::string& name) const {
    const std::string text = metrics.text();
    const auto at = text.find('\n' + name + ' ');
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  bool metric_is(const std::string& line) const {
    return metrics.text().find("\narvados_dispatchcloud_" + line + "\n") != std::string::npos;
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> log = make_line_sink();
  Metrics metrics;
  FakeContainerApi api;
  std::shared_ptr<FakeCloud> cloud;
  FakeInstanceSet instances;
  QueueOptions queue_options;
  PoolOptions pool_options;
  SchedulerOptions options;
  Runtime* scheduler_runtime = &runtime;
  ContainerApi* scheduler_api = &api;
  bool active = true;
  std::map<std::string, int> starts;
  std::vector<std::unique_ptr<SimTask<void>>> tasks;
  std::unique_ptr<ContainerQueue> queue;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<Scheduler> scheduler;
};

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

/// One idle instance with room for two, and nothing else going on for a long time.
class LockAhead : public ShellTest {
 protected:
  void begin() {
    queue_options.poll_interval = minutes(60);
    options.policy = policy;
    start();
    api.add(1).runtime_constraints.vcpus = 2;
    queue->tell({uuid(1), queued});
    EXPECT_TRUE(wait_for([&] { return api.at(1).state == complete; }));
    runtime.run_for(seconds(3));  // a probe tells of the exit
    queue->poll_soon();
    EXPECT_TRUE(wait_for([&] { return pool->snapshot()->running.empty(); }));
    EXPECT_EQ(pool->snapshot()->count(WorkerState::idle), 1);
    runtime.run_for(milliseconds(100));
    api.latency = milliseconds(2);  // less than the pause between two passes
    api.calls.clear();
  }
  const FakeCall* first(std::string_view verb) const {
    const auto found =
        std::find_if(api.calls.begin(), api.calls.end(), [&](const FakeCall& call) { return call.verb == verb; });
    return found == api.calls.end() ? nullptr : &*found;
  }

  std::string policy = "greedy";
};

TEST_F(LockAhead, WhatHasASlotIsStartedAsSoonAsItIsLocked) {
  begin();
  api.add(2);
  queue->tell({uuid(2), queued});
  ASSERT_TRUE(wait_for([&] { return first("lock") != nullptr; }, seconds(1)));
  EXPECT_FALSE(pool->snapshot()->running.contains(uuid(2)));
  runtime.run_for(first("lock")->at + milliseconds(1) - runtime.now());  // the answer arrives
  EXPECT_TRUE(pool->snapshot()->running.contains(uuid(2))) << "no pass could be made yet";
  EXPECT_TRUE(wait_for([&] { return api.at(2).state == complete; }));
  EXPECT_EQ(starts[uuid(2)], 1);
}

TEST_F(LockAhead, ANewContainerCostsAListAndALock) {
  begin();
  api.add(2);
  queue->tell({uuid(2), queued});
  EXPECT_TRUE(wait_for([&] { return api.at(2).state == running; }));
  ASSERT_EQ(api.calls.size(), 2);
  EXPECT_EQ(api.calls[0].list_kind(), "mounts") << "record and mounts of all that came together";
  EXPECT_EQ(api.calls[1].verb, "lock");
}

TEST_F(LockAhead, AStormOfChangesIsFewPassesAtTheirDistance) {
  begin();
  api.latency = Duration::zero();
  const double passes = metric("berth_scheduler_passes_total"), changes = metric("berth_scheduler_changes_total");
  double seen = passes;
  SteadyTime last = runtime.now() - std::chrono::seconds(1);
  for (int step = 0; step < 2000; ++step) {  // 200 ms
    api.add(100 + step);
    queue->tell({uuid(100 + step), queued});
    runtime.run_for(std::chrono::microseconds(100));
    const double now = metric("berth_scheduler_passes_total");
    if (now == seen) continue;
    EXPECT_EQ(now, seen + 1);
    EXPECT_GE(runtime.now() - last, std::chrono::microseconds(4900)) << "looked at every 100 us";
    seen = now;
    last = runtime.now();
  }
  EXPECT_GE(seen - passes, 30) << "it goes on";
  EXPECT_LE(seen - passes, 41);
  EXPECT_GE(metric("berth_scheduler_changes_total") - changes, 2 * (seen - passes)) << "several in one pass";
  EXPECT_GT(metric("berth_scheduler_change_to_plan_seconds_count"), seen / 2);
  EXPECT_LE(metric("berth_scheduler_change_to_plan_seconds_sum"), 0.005 * (seen + 3));
  EXPECT_EQ(metric("berth_scheduler_pass_seconds_count"), seen);
}

TEST_F(LockAhead, SlotsAreNotGivenTwice) {
  begin();
  for (int i = 2; i < 40; ++i) {
    api.add(i, i);
    queue->tell({uuid(i), queued});
    if (i % 3 == 0) runtime.run_for(milliseconds(1));
    for (const PoolInstance& instance : pool->snapshot()->instances) EXPECT_LE(instance.containers.size(), 2);
  }
  for (int step = 0; step < 2000; ++step) {
    runtime.run_for(milliseconds(1));
    for (const PoolInstance& instance : pool->snapshot()->instances) ASSERT_LE(instance.containers.size(), 2) << step;
  }
  EXPECT_TRUE(wait_for([&] { return starts.size() == 39; }, minutes(60)));
  for (const auto& [id, count] : starts) EXPECT_EQ(count, 1) << id;
}

TEST_F(LockAhead, WhatWasPutOnHoldMeanwhileIsNotStarted) {
  begin();
  api.add(2);
  api.after_call = [&](const FakeCall& call) {
    if (call.verb == "lock") api.at(2).priority = 0;
  };
  api.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "lock") return Error{ErrorKind::conflict, "another was faster"};
    return std::nullopt;
  };
  queue->tell({uuid(2), queued});
  runtime.run_for(seconds(5));
  EXPECT_EQ(starts.count(uuid(2)), 0u);
  EXPECT_TRUE(pool->snapshot()->running.empty());
}

TEST_F(LockAhead, OnlyWhatIsStillLockedIsStarted) {
  begin();
  active = false;  // the scheduler keeps out of it
  for (const int number : {2, 3, 4}) {
    api.add(number);
    queue->tell({uuid(number), queued});
  }
  ASSERT_TRUE(wait_for([&] { return queue->snapshot()->entries.size() >= 3; }));
  for (const int number : {2, 4}) ASSERT_TRUE(run_on(runtime, queue->lock(uuid(number))));
  const std::uint64_t instance = pool->snapshot()->instances.begin()->number;
  TaskGroup group(runtime.make_strand());
  StartsAhead ahead(
      *queue, *pool, group, [] { return true; }, [](const PoolReceipt&) {});
  std::vector<StartRequest> slots;
  for (const int number : {2, 3, 4}) slots.push_back({instance, uuid(number), {}});
  ahead.keep(slots);
  ahead.locked(uuid(2));
  ahead.locked(uuid(3));
  EXPECT_TRUE(pool->snapshot()->running.empty());
  ASSERT_TRUE(run_on(runtime, queue->unlock(uuid(4))));
  EXPECT_TRUE(wait_for([&] { return starts.contains(uuid(2)); }));
  ahead.locked(uuid(4));
  runtime.run_for(seconds(5));
  EXPECT_EQ(starts.count(uuid(3)), 0u) << "it is Queued";
  EXPECT_EQ(starts.count(uuid(4)), 0u) << "it was unlocked meanwhile";
  run_on(runtime, group.stop());
}

/// The lock of what is put on hold while it is being locked is granted all the same.
TEST_F(LockAhead, WhatIsLockedButOnHoldIsNotStarted) {
  begin();
  active = false;  // the scheduler keeps out of it
  for (const int number : {2, 3}) {
    api.add(number);
    queue->tell({uuid(number), queued});
  }
  ASSERT_TRUE(wait_for([&] { return queue->snapshot()->entries.size() >= 2; }));
  for (const int number : {2, 3}) ASSERT_TRUE(run_on(runtime, queue->lock(uuid(number))));
  const std::uint64_t instance = pool->snapshot()->instances.begin()->number;
  TaskGroup group(runtime.make_strand());
  StartsAhead ahead(
      *queue, *pool, group, [] { return true; }, [](const PoolReceipt&) {});
  ahead.keep({{instance, uuid(2), {}}, {instance, uuid(3), {}}});
  api.at(3).priority = 0;
  queue->poll_soon();
  const auto held = [&] { return queue->snapshot()->entries.find(uuid(3))->container.priority == 0; };
  ASSERT_TRUE(wait_for(held));
  ASSERT_EQ(queue->snapshot()->entries.find(uuid(3))->container.state, locked);
  ahead.locked(uuid(2));
  ahead.locked(uuid(3));
  EXPECT_TRUE(wait_for([&] { return starts.contains(uuid(2)); }));
  runtime.run_for(seconds(5));
  EXPECT_EQ(starts.count(uuid(3)), 0u);
  run_on(runtime, group.stop());
}

/// Whether a pass that lets the starts under way end first sees that one.
awaitable<bool> shows_then(StartsAhead& ahead, WorkerPool& pool, std::string uuid) {
  co_await ahead.let_starts_end();
  co_return pool.snapshot()->running.contains(uuid);
}

/// A pass that began before the pool knows what is being started would give its room away.
TEST_F(LockAhead, APassWaitsForTheStartsUnderWay) {
  begin();
  active = false;  // the scheduler keeps out of it
  for (const int number : {2, 3, 4}) {
    api.add(number);
    queue->tell({uuid(number), queued});
  }
  ASSERT_TRUE(wait_for([&] { return queue->snapshot()->entries.size() >= 3; }));
  for (const int number : {2, 3, 4}) ASSERT_TRUE(run_on(runtime, queue->lock(uuid(number))));
  const std::uint64_t instance = pool->snapshot()->instances.begin()->number;
  const auto shown = [&](int number) { return pool->snapshot()->running.contains(uuid(number)); };
  TaskGroup group(runtime.make_strand());
  int receipts = 0;
  StartsAhead ahead(
      *queue, *pool, group, [] { return true; }, [&](const PoolReceipt&) { ++receipts; });

  run_on(runtime, ahead.let_starts_end(), Duration::zero());  // there are none
  ahead.keep({{instance, uuid(2), {}}, {instance, uuid(3), {}}});
  ahead.locked(uuid(2));
  EXPECT_FALSE(shown(2));
  EXPECT_TRUE(run_on(runtime, shows_then(ahead, *pool, uuid(2)))) << "as soon as the pass begins";
  EXPECT_EQ(receipts, 1) << "and it has been told";

  ahead.locked(uuid(3));
  runtime.run_for(seconds(1));
  EXPECT_FALSE(shown(3)) << "its place is for the pass to give";
  ahead.keep({{instance, uuid(3), {}}, {instance, uuid(4), {}}});
  ahead.locked(uuid(3));
  runtime.run_for(seconds(1));
  EXPECT_TRUE(shown(3)) << "by what the pass has decided";

  ASSERT_TRUE(wait_for([&] { return api.at(2).state == complete && api.at(3).state == complete; }));
  run_on(runtime, ahead.let_starts_end(), Duration::zero());
  ahead.pass_ended();  // it has decided nothing: what was kept holds
  ahead.locked(uuid(4));
  runtime.run_for(seconds(1));
  EXPECT_TRUE(shown(4));
  EXPECT_EQ(receipts, 3);
  run_on(runtime, group.stop());
}

TEST_F(LockAhead, WhatTurnsOutToRunWhileItIsBeingLockedIsNotKilledBeforeTheAnswer) {
  begin();
  FakeMachine& machine = *cloud->machines.at("i-1");
  api.add(2);
  api.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "lock") return Error{ErrorKind::timeout, "no answer"};
    return std::nullopt;
  };
  queue->tell({uuid(2), queued});
  ASSERT_TRUE(wait_for([&] { return first("lock") != nullptr; }, seconds(1)));
  machine.runners[uuid(2)] = {};
  ASSERT_TRUE(wait_for([&] { return pool->snapshot()->running.contains(uuid(2)); }, seconds(30)));
  runtime.run_for(first("lock")->at + api.call_deadline - seconds(1) - runtime.now());
  EXPECT_EQ(machine.count_commands("--kill"), 0);
  EXPECT_TRUE(wait_for([&] { return machine.count_commands("--kill") > 0; }, minutes(90))) << "it is Queued indeed";
}

TEST_F(LockAhead, TheReferencePolicyWaitsForAPass) {
  policy = "reference";
  begin();
  api.add(2);
  queue->tell({uuid(2), queued});
  ASSERT_TRUE(wait_for([&] { return first("lock") != nullptr; }, seconds(1)));
  runtime.run_for(first("lock")->at + milliseconds(1) - runtime.now());
  EXPECT_FALSE(pool->snapshot()->running.contains(uuid(2)));
  EXPECT_TRUE(wait_for([&] { return api.at(2).state == complete; }));
}

TEST_F(LockAhead, LocksAreMadeAtTheSameTime) {
  begin();
  api.latency = milliseconds(500);
  for (int i = 2; i < 22; ++i) {
    api.add(i);
    queue->tell({uuid(i), queued});
  }
  ASSERT_TRUE(wait_for([&] { return api.count("lock") > 0; }, seconds(5)));
  runtime.run_for(milliseconds(50));
  EXPECT_EQ(api.count("lock"), 20u) << "the client's limiter bounds them, not the scheduler";
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
