// The pool and an unfriendly cloud.
#include "pool_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

Error rate_limited(SteadyTime retry_at) {
  Error error{ErrorKind::rate_limited, "slow down"};
  error.retry_at = retry_at;
  return error;
}

TEST_F(PoolTest, ConcurrentCreates) {
  cloud->create_latency = 10s;
  options.max_concurrent_creates = 2;
  start();
  PoolCommands commands;
  commands.creates = {"small", "small", "small", "no-such-type"};
  const auto receipt = apply(std::move(commands));
  EXPECT_EQ(receipt.creates, (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(receipt.snapshot->instances.size(), 2u);
  EXPECT_EQ(receipt.snapshot->total(), 0);
  EXPECT_EQ(receipt.snapshot->find(""), nullptr) << "what is pending has no id yet";
  EXPECT_EQ(receipt.snapshot->create_slots, 0);
  EXPECT_EQ(receipt.snapshot->create_blocked_until, runtime.now() + 5s) << "one too many starts the hold-off";
  auto changes = pool->subscribe();
  SimTask<void> waiting(runtime, changes.wait());
  runtime.run_for(4s);
  EXPECT_FALSE(waiting.done());
  runtime.run_for(1s);
  EXPECT_TRUE(waiting.done()) << "its end wakes subscribers";
  EXPECT_EQ(snapshot()->create_blocked_until, std::nullopt);
  EXPECT_EQ(snapshot()->create_slots, 0) << "still two in flight";
  runtime.run_for(5s);
  EXPECT_EQ(snapshot()->create_slots, 2);
  EXPECT_EQ(snapshot()->total(), 2);
  EXPECT_TRUE(create());
}

TEST_F(PoolTest, QuotaThresholdIsClearedOnlyInSync) {
  cloud->quota = 2;
  start();
  make_idle();
  const auto second = make_idle();
  EXPECT_FALSE(snapshot()->at_quota);
  EXPECT_TRUE(create());
  runtime.settle();
  EXPECT_TRUE(snapshot()->at_quota);
  EXPECT_EQ(snapshot()->instances_left, 0);
  EXPECT_EQ(snapshot()->instances.size(), 2u) << "the failed create is gone";
  EXPECT_FALSE(create());
  shut_down(second.number);
  runtime.run_for(5s);
  EXPECT_TRUE(snapshot()->at_quota) << "the instance is destroyed, but no list has said so";
  ASSERT_TRUE(wait_for([&] { return !snapshot()->at_quota; }, options.sync_interval));
  EXPECT_EQ(snapshot()->total(), 1);
  EXPECT_TRUE(create());
}

TEST_F(PoolTest, MaxInstances) {
  options.max_instances = 2;
  start();
  EXPECT_EQ(snapshot()->instances_left, 2);
  PoolCommands commands;
  commands.creates = {"small", "small", "small"};
  EXPECT_EQ(apply(std::move(commands)).creates, (std::vector<bool>{true, true, false}));
  EXPECT_TRUE(snapshot()->at_quota);
  EXPECT_EQ(snapshot()->instances_left, 0);
}

TEST_F(PoolTest, CapacityBlocksATypeForAMinute) {
  cloud->types_without_room = {"p.small"};
  start();
  EXPECT_TRUE(create("small"));
  runtime.settle();
  EXPECT_EQ(snapshot()->blocked_types, std::set<std::string>{"small"});
  EXPECT_FALSE(snapshot()->at_quota);
  EXPECT_FALSE(create("small"));
  EXPECT_TRUE(create("large"));
  runtime.run_for(59s);
  EXPECT_FALSE(snapshot()->blocked_types.empty());
  runtime.run_for(1s);
  EXPECT_TRUE(snapshot()->blocked_types.empty());
}

TEST_F(PoolTest, NoRoomIsSaidOnce) {
  cloud->types_without_room = {"p.small"};
  start();
  const auto said = [&](std::string_view text) {
    const auto lines = log->lines();
    return std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(text) != line.npos; });
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(create("small"));
    runtime.run_for(61s);
  }
  EXPECT_EQ(said("no room for more instances"), 1);
  EXPECT_EQ(said("create failed"), 0);
  cloud->types_without_room.clear();
  EXPECT_TRUE(create("small"));
  runtime.settle();
  cloud->types_without_room = {"p.small"};
  EXPECT_TRUE(create("small"));
  runtime.settle();
  EXPECT_EQ(said("no room for more instances"), 2);
}

TEST_F(PoolTest, RateLimits) {
  start();
  cloud->create_errors = {rate_limited(runtime.now() + 90s)};
  EXPECT_TRUE(create());
  runtime.settle();
  EXPECT_EQ(snapshot()->create_blocked_until, runtime.now() + 90s);
  EXPECT_EQ(snapshot()->create_slots, 0);
  EXPECT_FALSE(create());

  const auto lists = cloud->lists;
  cloud->list_errors = {rate_limited(runtime.now() + 150s)};
  runtime.run_for(149s);
  EXPECT_EQ(cloud->lists, lists + 1) << "no list while throttled";
  runtime.run_for(60s);
  EXPECT_GT(cloud->lists, lists + 1);
  EXPECT_TRUE(create());
}

TEST_F(PoolTest, FirstListFails) {
  cloud->list_errors = {Error{ErrorKind::network, "reset"}};
  start();
  EXPECT_FALSE(snapshot()->loaded);
  EXPECT_TRUE(wait_for([&] { return snapshot()->loaded; }, 10s));
}

TEST_F(PoolTest, ListShowsItBeforeTheCreateReturns) {
  cloud->lose_create_answers = true;
  options.sync_interval = 5s;
  options.timeout_idle = 1h;
  start();
  ASSERT_TRUE(create());
  const auto pending = only();
  runtime.run_for(6s);
  EXPECT_EQ(only().id, "i-1");
  EXPECT_EQ(only().number, pending.number);
  EXPECT_EQ(only().state, WorkerState::idle);
  runtime.run_for(options.cloud_deadline);
  EXPECT_EQ(snapshot()->instances.size(), 1u) << "the lost answer takes nothing away";
}

TEST_F(PoolTest, LostCreateEnds) {
  cloud->hang_creates = true;
  options.cloud_deadline = 2min;
  options.max_concurrent_creates = 1;
  start();
  ASSERT_TRUE(create());
  runtime.run_for(2min - 1s);
  EXPECT_EQ(snapshot()->instances.size(), 1u);
  runtime.run_for(2s);
  EXPECT_TRUE(snapshot()->instances.empty());
  EXPECT_EQ(snapshot()->create_slots, 1);
}

TEST_F(PoolTest, CreateReturnsBeforeListsShowIt) {
  cloud->list_lag = 3s;
  options.sync_interval = 30s;
  start();
  make_idle();
  runtime.run_for(35s);
  EXPECT_EQ(snapshot()->total(), 1);
}

TEST_F(PoolTest, PlainCreateErrorsDoNotStorm) {
  cloud->create_errors = {Error{ErrorKind::network, "reset"}, Error{ErrorKind::network, "reset"}};
  start();
  EXPECT_TRUE(create());
  runtime.settle();
  EXPECT_TRUE(snapshot()->instances.empty());
  EXPECT_FALSE(create());
  runtime.run_for(300ms);
  EXPECT_TRUE(create());
  runtime.settle();
  runtime.run_for(300ms);
  EXPECT_FALSE(create());
  runtime.run_for(300ms);
  EXPECT_TRUE(create());
}

TEST_F(PoolTest, DisappearingInstance) {
  start();
  const auto worker = make_idle();
  start_container(worker.number, uuid(1));
  runtime.run_for(1s);
  cloud->machine(worker.id).unreachable = true;
  cloud->vms.clear();
  ASSERT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, options.sync_interval + 1s));
  EXPECT_TRUE(snapshot()->running.empty()) << "without a placeholder";
  EXPECT_EQ(metric("arvados_dispatchcloud_instances_disappeared{state=\"running\"}"), 1);
  EXPECT_TRUE(cloud->destroys.empty());
}

/// How many instances are shown, change by change, until it is so many.
awaitable<std::set<std::int64_t>> totals_shown(WorkerPool& pool, std::int64_t until) {
  auto changes = pool.subscribe();
  std::set<std::int64_t> seen{pool.snapshot()->total()};
  while (*seen.rbegin() < until) {
    co_await changes.wait();
    seen.insert(pool.snapshot()->total());
  }
  co_return seen;
}

TEST_F(PoolTest, AListOfManyNewInstancesLetsOthersTakeTurns) {
  start();
  for (int i = 0; i < 500; ++i) cloud->add("small", tags("small"));
  SimTask<std::set<std::int64_t>> shown(runtime, totals_shown(*pool, 500));
  ASSERT_TRUE(wait_for([&] { return shown.done(); }, options.sync_interval + 1s));
  EXPECT_GT(shown.get().size(), 10u) << "not all of them in one handler";
  cloud->vms.clear();
  EXPECT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 2 * options.sync_interval));
}

TEST_F(PoolTest, DestroyIsTriedAgain) {
  options.sync_interval = 30s;
  start();
  const auto worker = make_idle();
  cloud->destroy_errors = {Error{ErrorKind::server_error, "oops"}};
  shut_down(worker.number);
  ASSERT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 2min));
  EXPECT_EQ(cloud->destroys.size(), 2u);
}

TEST_F(PoolTest, AHoldThatWasTakenOffDoesNotOutliveTheDispatcher) {
  options.timeout_idle = 10s;
  start();
  const auto worker = make_idle();
  ASSERT_TRUE(set_behavior(worker.id, IdleBehavior::hold));
  runtime.run_for(1min);
  ASSERT_EQ(cloud->vms.at(worker.id).tags.at("ArvadosIdleBehavior"), "hold");
  cloud->destroy_errors = {Error{ErrorKind::server_error, "oops"}};
  ASSERT_TRUE(set_behavior(worker.id, IdleBehavior::run));
  runtime.run_for(1s);
  ASSERT_EQ(cloud->destroys.size(), 1u);
  restart();
  ASSERT_TRUE(wait_for([&] { return cloud->vms.empty(); })) << "the next one may destroy it, too";
}

TEST_F(PoolTest, AddressChanges) {
  start();
  const auto worker = make_idle();
  cloud->vms.at(worker.id).address = "10.9.9.9";
  runtime.run_for(options.sync_interval + 1s);
  EXPECT_EQ(only().address, "10.9.9.9");
}

TEST_F(PoolTest, SubscribersHearOfChanges) {
  start();
  auto changes = pool->subscribe();
  const auto before = snapshot();
  create();
  EXPECT_TRUE(run_on(runtime, changes.wait_until(runtime, runtime.now() + 1s)));
  EXPECT_GT(snapshot()->version, before->version);
  EXPECT_TRUE(before->instances.empty()) << "snapshots do not change";
  runtime.run_for(5s);
  run_on(runtime, changes.wait_until(runtime, runtime.now()));
  EXPECT_EQ(snapshot(), snapshot()) << "not made anew without a change";
  EXPECT_FALSE(run_on(runtime, changes.wait_until(runtime, runtime.now() + 20s))) << "probes alone are no news";
}

TEST_F(PoolTest, StopEndsEverything) {
  cloud->create_latency = 1h;
  options.command_deadline = 30min;
  start();
  create();
  auto& hung = cloud->add("p.small", tags("small"));
  hung.machine->hanging = true;
  restart();
  create();
  runtime.run_for(15s);
  stop();
  EXPECT_EQ(runtime.pending_timers(), 0u);
  EXPECT_TRUE(cloud->destroys.empty());
  EXPECT_EQ(cloud->vms.size(), 1u);
}

TEST_F(PoolTest, StopWithoutStart) {
  pool = std::make_unique<WorkerPool>(runtime, log->log(), metrics, instances, make_fake_executor, RunnerConfig{},
                                      options);
  stop();
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

}  // namespace
}  // namespace berth
