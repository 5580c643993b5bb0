// The scheduler's shell: what is locked and started ahead of the next pass.
#include <gtest/gtest.h>

#include "shell_fixture.hpp"
#include "starts_ahead.hpp"

namespace berth {
namespace {

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

  /// New ones, which the queue knows, while the scheduler keeps out of it.
  void add_by_hand(const std::vector<int>& numbers) {
    active = false;
    for (const int number : numbers) {
      api.add(number);
      queue->tell({uuid(number), queued});
    }
    ASSERT_TRUE(wait_for([&] { return queue->snapshot()->entries.size() >= numbers.size(); }));
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
  add_by_hand({2, 3, 4});
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
  add_by_hand({2, 3});
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

}  // namespace
}  // namespace berth
