// Policy `cost`: each of its parts by example.
#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "capacity.hpp"
#include "cost_learned.hpp"
#include "plan_builder.hpp"
#include "random_input.hpp"
#include "random_times.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using State = ContainerState;
using Names = std::vector<std::string>;

/// Types `small` (2 VCPUs, $1), `medium` (8, $4.5) and `large` (16, $8.5); ten containers of each key have run 100 s.
class CostPlan : public testing::Test {
 protected:
  CostPlan() {
    b.type("small", 1, {2, 20, 100, 0, 0});
    b.type("medium", 4.5, {8, 80, 100, 0, 0});
    b.type("large", 8.5, {16, 160, 100, 0, 0});
    b.input.limits.create_slots = 100;
    b.input.cost.now = WallTime(std::chrono::seconds(1100));
    b.input.cost.steady_now = SteadyTime(std::chrono::hours(1));
    b.input.cost.learned = &learned;
    for (int i = 0; i < 10; ++i) learned.run_times.add(0, 100);
  }
  /// One that needs so many VCPUs; `eligible` are within its price ceiling. Any type holds it if that is none else.
  PlanContainer& container(const std::string& uuid, std::int64_t vcpus, const Names& eligible,
                           State state = State::locked) {
    PlanContainer& made = b.container(uuid, state, 1, {vcpus, vcpus, 1, 0, 0}, eligible);
    made.first_seen = b.input.cost.now;
    b.input.type_lists.push_back(vcpus <= 2   ? std::vector<std::uint32_t>{0, 1, 2}
                                 : vcpus <= 8 ? std::vector<std::uint32_t>{1, 2}
                                              : std::vector<std::uint32_t>{2});
    b.input.needs.back().any_price_list = static_cast<std::uint32_t>(b.input.type_lists.size() - 1);
    return made;
  }
  PlanContainer& running(const std::string& uuid, std::int64_t vcpus, Duration ran) {
    PlanContainer& made = container(uuid, vcpus, {"large"}, State::running);
    made.started = b.input.cost.steady_now - ran;
    return made;
  }
  Plan plan() const { return berth::plan(b.input, Policy::cost); }

  PlanBuilder b;
  LearnedTimes learned;
};

TEST_F(CostPlan, PrefersUsedInstancesAndTheLeastWorthLeftOver) {
  running("r1", 1, 10s);
  running("r2", 12, 10s);
  container("a", 2, {"small", "medium", "large"});
  b.instance("empty", "small", WorkerState::idle);
  b.instance("nearly-empty", "large", WorkerState::running, {"r1"});
  b.instance("nearly-full", "large", WorkerState::running, {"r2"});
  EXPECT_EQ(b.starts(plan()), Names{"a@nearly-full"});
}

TEST_F(CostPlan, ReusesTheInstanceThatWasInUseLast) {
  container("a", 2, {"small"});
  b.instance("i-1", "small", WorkerState::idle).last_busy = b.input.cost.now - 50s;
  b.instance("i-2", "small", WorkerState::idle).last_busy = b.input.cost.now - 5s;
  EXPECT_EQ(b.starts(plan()), Names{"a@i-2"});
}

TEST_F(CostPlan, RidesWhereItCostsLittle) {
  running("young", 2, 1s);
  container("a", 2, {"small"});
  b.instance("i-1", "large", WorkerState::running, {"young"});
  EXPECT_EQ(b.starts(plan()), Names{"a@i-1"});
  b.input.cost.rules.ride = false;
  EXPECT_EQ(b.starts(plan()), Names{});
  EXPECT_EQ(b.creates(plan()), Names{"small"});
}

TEST_F(CostPlan, DoesNotRideWhereItWouldKeepTheInstance) {
  running("old", 2, 95s);
  for (int i = 0; i < 10; ++i) learned.run_times.add(1, 7000);
  container("a", 2, {"small"}).run_time_key = 1;
  b.instance("i-1", "large", WorkerState::running, {"old"});
  EXPECT_EQ(b.starts(plan()), Names{});
  EXPECT_EQ(b.creates(plan()), Names{"small"});
}

TEST_F(CostPlan, RidesOnlyIfSomethingIsKnown) {
  running("young", 2, 1s);
  container("a", 2, {"small"});
  b.instance("i-1", "large", WorkerState::running, {"young"});
  b.input.cost.learned = nullptr;
  EXPECT_EQ(b.starts(plan()), Names{});
}

TEST_F(CostPlan, CoversWhatWaitsTogether) {
  // By itself "a" is cheapest on small; a medium for all three is cheaper than two instances.
  container("a", 2, {"small", "medium"});
  container("b", 6, {"medium"});
  EXPECT_EQ(b.creates(plan()), Names{"medium"});
  b.input.cost.rules.cover = false;
  EXPECT_EQ(b.creates(plan()), (Names{"small", "medium"}));
}

TEST_F(CostPlan, CreatesForTheFirstInOrderFirst) {
  container("a", 2, {"small"}).priority = 5;
  container("b", 8, {"medium"}).priority = 9;
  b.input.limits.create_slots = 1;
  const Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{"medium"});
  EXPECT_EQ(b.status(made, "b"), "waiting-new-instance");
  EXPECT_EQ(b.status(made, "a"), "cluster-capacity 1");
}

TEST_F(CostPlan, LocksBeforeItCreates) {
  container("a", 2, {"small", "medium"}, State::queued);
  container("b", 6, {"medium"}, State::queued);
  EXPECT_EQ(b.creates(plan()), Names{});
  EXPECT_EQ(b.uuids(plan().locks), (Names{"a", "b"}));
  b.find("a").state = State::locked;  // the type is chosen for both
  EXPECT_EQ(b.creates(plan()), Names{"medium"});
}

TEST_F(CostPlan, CountsOnInstancesThatBoot) {
  container("a", 2, {"small"});
  container("b", 2, {"small"}, State::queued);
  b.instance("i-1", "small", WorkerState::booting).created = b.input.cost.steady_now - 30s;
  b.instance("", "small", WorkerState::booting);
  const Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{});
  EXPECT_EQ(b.status(made, "a"), "waiting-new-instance");
  EXPECT_EQ(b.uuids(made.locks), Names{"b"});
}

TEST_F(CostPlan, SparesAnInstanceIfRoomIsExpectedSoon) {
  running("old", 2, 99s);
  container("a", 2, {"small"});
  b.instance("i-1", "small", WorkerState::running, {"old"});
  Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{});
  EXPECT_EQ(b.status(made, "a"), "room-soon");
  ASSERT_TRUE(made.wake_after);
  EXPECT_LT(*made.wake_after, 25s);
  b.find("a").first_seen -= 46s;  // has waited for more than half a boot
  EXPECT_EQ(b.creates(plan()), Names{"small"});
  b.find("a").first_seen += 46s;
  b.input.cost.rules.spare = 0;
  made = plan();
  EXPECT_EQ(b.creates(made), Names{"small"});
  EXPECT_FALSE(made.wake_after);
}

TEST_F(CostPlan, GroupsShareWhereInstancesAreScarce) {
  for (int i = 0; i < 8; ++i) container("c" + std::to_string(i), 2, {"small"});
  EXPECT_EQ(b.creates(plan()).size(), 8);
  b.input.limits.instances_left = 1;
  const Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{"large"});
  EXPECT_EQ(b.status(made, "c7"), "waiting-new-instance");
  b.input.cost.rules.group = false;
  EXPECT_EQ(b.creates(plan()), Names{"small"});
}

TEST_F(CostPlan, AGroupGetsTheInstanceThatWasMadeForIt) {
  for (int i = 0; i < 8; ++i) container("c" + std::to_string(i), 2, {"small"});
  b.input.limits.instances_left = 0;
  b.instance("i-1", "large", WorkerState::booting);
  Plan made = plan();
  EXPECT_EQ(b.status(made, "c7"), "waiting-new-instance");
  EXPECT_EQ(b.shutdowns(made), Names{});
  b.input.instances[0].state = WorkerState::idle;
  made = plan();
  EXPECT_EQ(made.starts.size(), 8);
}

TEST_F(CostPlan, AGroupMustBeWorthTheInstance) {
  for (int i = 0; i < 5; ++i) container("c" + std::to_string(i), 2, {"small"});  // $5 of $8.5 / 1.5
  b.input.limits.instances_left = 0;
  b.instance("i-1", "large", WorkerState::idle);
  const Plan made = plan();
  EXPECT_EQ(b.starts(made), Names{});
  EXPECT_EQ(b.shutdowns(made), Names{"i-1"});
}

TEST_F(CostPlan, AGroupIsChosenAsItsInstanceWas) {
  for (const char* uuid : {"a", "b"}) container(uuid, 2, {"small"});
  container("c", 8, {"medium"});
  b.input.limits.max_per_instance = 2;
  b.input.cost.rules.maximum_price_factor = 2;
  b.input.limits.instances_left = 1;
  EXPECT_EQ(b.creates(plan()), Names{"large"});  // for a and c: a and b would not be worth it
  b.input.limits.instances_left = 0;
  b.instance("i-1", "large", WorkerState::booting);
  EXPECT_EQ(b.shutdowns(plan()), Names{});
  b.input.instances[0].state = WorkerState::idle;
  EXPECT_EQ(b.starts(plan()), (Names{"a@i-1", "c@i-1"}));
}

TEST_F(CostPlan, AGroupPassesOverNobodyMoreUrgent) {
  b.input.cost.rules.maximum_price_factor = 2;
  b.input.limits.instances_left = 0;
  container("a", 2, {"small"}).priority = 900;
  PlanContainer& second = container("b", 2, {"small"});
  second.priority = 800;
  b.input.needs[second.need].need.scratch = 99;
  PlanContainer& last = container("c", 8, {"medium"});
  b.input.needs[last.need].need.scratch = 2;
  b.instance("i-1", "large", WorkerState::idle);
  EXPECT_EQ(b.starts(plan()), Names{}) << "a and b are not worth it, and c may not have b's place";
  for (PlanContainer& c : b.input.containers) c.priority = 1;
  EXPECT_EQ(b.starts(plan()), (Names{"a@i-1", "c@i-1"})) << "among equals those that are worth it";
}

TEST_F(CostPlan, ANewGroupPassesOverNobodyMoreUrgent) {
  b.input.limits.instances_left = 1;
  container("a", 2, {"small"}).priority = 900;
  for (int i = 0; i < 4; ++i) container("b" + std::to_string(i), 2, {"small"}).priority = 800;
  for (int i = 0; i < 4; ++i) container("c" + std::to_string(i), 8, {"medium"});
  const Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{"medium"}) << "of a and three of b; with c, a large one would be worth more";
  EXPECT_EQ(b.status(made, "b2"), "waiting-new-instance");
  EXPECT_EQ(b.status(made, "b3"), "cloud-limits 1");
  EXPECT_EQ(b.status(made, "c0"), "cloud-limits 2");
}

TEST_F(CostPlan, NoGroupOfWhichOneKeepsTheInstanceLong) {
  for (int i = 0; i < 990; ++i) learned.run_times.add(0, 100);
  for (int i = 0; i < 10; ++i) learned.run_times.add(1, 36'000);
  learned.run_times.set_running({});
  for (int i = 0; i < 8; ++i) container("c" + std::to_string(i), 2, {"small"});
  b.input.limits.instances_left = 1;
  EXPECT_EQ(b.creates(plan()), Names{"large"});
  b.input.containers[5].run_time_key = 1;
  const Plan made = plan();
  EXPECT_EQ(b.creates(made), Names{"medium"});
  EXPECT_EQ(b.status(made, "c3"), "waiting-new-instance");
  EXPECT_NE(b.status(made, "c5"), "waiting-new-instance");
  for (PlanContainer& c : b.input.containers) c.first_seen -= 10h;  // what they have waited counts as a cost, too
  EXPECT_EQ(b.creates(plan()), Names{"large"});
}

TEST_F(CostPlan, TheFirstInOrderIsNeverLeftOutOfAScarceCover) {
  container("first", 2, {"small"}).priority = 9;
  for (int i = 0; i < 4; ++i) container("c" + std::to_string(i), 16, {"large"});
  b.input.limits.instances_left = 1;
  const Plan made = plan();
  EXPECT_EQ(b.status(made, "first"), "waiting-new-instance");
  EXPECT_EQ(made.creates.size(), 1);
}

TEST_F(CostPlan, GuardEmptiesAnInstanceForWhatIsBlocked) {
  for (const char* uuid : {"r1", "r2"}) running(uuid, 8, 10s);
  container("big", 16, {"large"}).first_seen -= 5min;
  b.instance("i-1", "large", WorkerState::running, {"r1"});
  b.instance("i-2", "large", WorkerState::running, {"r2"});
  b.find("r2").started = b.input.cost.steady_now - 90s;
  b.input.limits.instances_left = 0;
  Plan made = plan();
  EXPECT_FALSE(made.guard);
  EXPECT_EQ(made.wake_after, 5min);
  b.find("big").first_seen -= 5min;
  made = plan();
  ASSERT_TRUE(made.guard);
  EXPECT_EQ(b.id(made.guard->instance), "i-2");
  EXPECT_EQ(b.status(made, "big"), "making-room");

  b.input.cost.guard = made.guard;
  container("little", 2, {"large"});
  EXPECT_EQ(b.starts(plan()), Names{"little@i-1"});
  b.find("r2").in_pool = false;
  b.find("r2").state = State::complete;
  b.input.instances[1].containers.clear();
  made = plan();
  EXPECT_EQ(b.starts(made), (Names{"big@i-2", "little@i-1"}));
  EXPECT_FALSE(made.guard);
}

TEST_F(CostPlan, TheGuardKeepsNothingFromWhatIsMoreUrgent) {
  container("big", 16, {"large"}).first_seen -= 20min;
  container("urgent", 16, {"large"}).priority += 1;
  b.instance("i-1", "large", WorkerState::idle);
  b.input.limits.instances_left = 0;
  b.input.cost.guard = PlanGuard{0, 0};
  EXPECT_EQ(b.starts(plan()), Names{"urgent@i-1"});
}

TEST_F(CostPlan, AnInstanceThatWasEmptiedForAnotherTypeIsShutDown) {
  container("big", 16, {"large"}).first_seen -= 20min;
  container("little", 2, {"small"});
  b.instance("i-1", "small", WorkerState::idle);
  b.input.limits.instances_left = 0;
  b.input.cost.guard = PlanGuard{0, 0};
  const Plan made = plan();
  EXPECT_EQ(b.starts(made), Names{});
  EXPECT_EQ(b.shutdowns(made), Names{"i-1"});
  EXPECT_EQ(made.guard, (PlanGuard{0, 0}));  // until it is gone no other is emptied
}

/// Else its instance would be emptied, shut down, and made again for the same containers.
TEST_F(CostPlan, WhatIsGuardedSharesItsInstanceAboveTheCeiling) {
  b.input.cost.rules.ride = false;
  for (const char* uuid : {"r1", "r2", "r3", "r4", "r5", "r6"}) running(uuid, 2, 10s);
  container("guarded", 2, {"small"}).first_seen -= 20min;
  container("next", 2, {"small"});
  b.instance("i-1", "large", WorkerState::running, {"r1", "r2", "r3", "r4", "r5", "r6"});
  b.input.cost.guard = PlanGuard{6, 0};
  EXPECT_EQ(b.starts(plan()), Names{}) << "instances are not limited";
  b.input.limits.instances_left = 0;
  EXPECT_EQ(b.starts(plan()), Names{"guarded@i-1"});
  b.input.cost.rules.group = false;
  EXPECT_EQ(b.starts(plan()), Names{});
}

TEST_F(CostPlan, AnEmptyInstanceOfTheGuardIsSharedWithWhatIsGuarded) {
  container("guarded", 2, {"small"}).first_seen -= 20min;
  for (const char* uuid : {"a", "b", "c", "d", "e", "f", "g"}) container(uuid, 2, {"small"});
  b.instance("i-1", "large", WorkerState::idle);
  b.input.limits.instances_left = 0;
  b.input.cost.guard = PlanGuard{0, 0};
  EXPECT_EQ(b.starts(plan()).size(), 8);
  b.input.containers[0].priority -= 1;
  container("h", 2, {"small"});
  const Plan made = plan();
  EXPECT_EQ(b.starts(made), Names{}) << "for others alone it is not";
  EXPECT_EQ(b.shutdowns(made), Names{"i-1"});
}

TEST_F(CostPlan, LocksWhatIsMoreUrgentThanWhatIsLocked) {
  struct Waits {
    const char* uuid;
    State state;
    std::int64_t priority;
    const char* type = "large";
  };
  struct Row {
    const char* what;
    std::vector<Waits> waiting;
    Names locks;
  };
  const Row rows[] = {
      {"nothing is Locked", {{"high", State::queued, 5}, {"low", State::queued, 1}}, {}},
      {"what is Locked is as urgent", {{"high", State::queued, 5}, {"same", State::locked, 5}}, {}},
      {"one is less urgent", {{"high", State::queued, 5}, {"low", State::locked, 1}}, {"high"}},
      {"no type is available", {{"high", State::queued, 5, "medium"}, {"low", State::locked, 1}}, {}},
      {"as many as are in the way",
       {{"h1", State::queued, 5},
        {"h2", State::queued, 7},
        {"h3", State::queued, 6},
        {"l1", State::locked, 1},
        {"l2", State::locked, 2}},
       {"h2", "h3"}},
      {"enough are Locked", {{"h1", State::queued, 5}, {"h2", State::locked, 5}, {"low", State::locked, 1}}, {}},
  };
  b.input.limits.instances_left = 0;
  b.block("medium");
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    PlanBuilder world = b;
    for (const Waits& c : row.waiting)
      world.container(c.uuid, c.state, c.priority, {8, 8, 1, 0, 0}, {c.type}).first_seen = b.input.cost.now;
    const Plan made = berth::plan(world.input, Policy::cost);
    EXPECT_EQ(world.uuids(made.locks), row.locks);
    EXPECT_EQ(world.uuids(made.unlocks), Names{});
  }
}

/// The limit goes up and down with what runs, and each lock counts.
TEST_F(CostPlan, SupervisorsOverTheLimitAreUnlockedForMoreUrgentOnesAlone) {
  for (const char* uuid : {"a", "b"}) container(uuid, 2, {"small"}).supervisor = true;
  b.input.limits.max_supervisors = 1;
  container("c", 2, {"small"}, State::queued).supervisor = true;
  EXPECT_EQ(b.uuids(plan().unlocks), Names{});
  auto& urgent = container("d", 2, {"small"}, State::queued);
  urgent.supervisor = true;
  ++urgent.priority;
  EXPECT_EQ(b.uuids(plan().unlocks), Names{"b"});
}

TEST_F(CostPlan, SupervisorsThatRunInNoPoolCount) {
  container("unseen", 2, {"small"}, State::running).supervisor = true;
  container("a", 2, {"small"}).supervisor = true;
  b.instance("i-1", "small", WorkerState::idle);
  b.input.limits.max_supervisors = 1;
  EXPECT_EQ(b.starts(plan()), Names{});
  b.input.limits.max_supervisors = 2;
  EXPECT_EQ(b.starts(plan()), Names{"a@i-1"}) << "it counts once";
}

TEST_F(CostPlan, NothingIsShutDownForWhatNoTypeIsAvailableFor) {
  container("a", 8, {"medium"});
  b.instance("i-1", "small", WorkerState::idle);
  b.input.limits.instances_left = 0;
  EXPECT_EQ(b.shutdowns(plan()), Names{"i-1"});
  b.block("medium");
  const Plan made = plan();
  EXPECT_EQ(b.shutdowns(made), Names{});
  EXPECT_EQ(b.status(made, "a"), "type-capacity 1");
}

TEST_F(CostPlan, KeepsRoomForWhatIsBeingLocked) {
  container("a", 2, {"small"}, State::queued);
  b.instance("i-1", "small", WorkerState::idle);
  const Plan made = plan();
  EXPECT_EQ(b.uuids(made.locks), Names{"a"});
  EXPECT_EQ(made.ahead, (std::vector<PlanStart>{{0, 0}}));
}

TEST_F(CostPlan, LearnsIdleTimeouts) {
  const SteadyTime start{};
  for (int i = 0; i < 10; ++i) learned.idle_gaps.reused(0, start, start + 8s);
  for (int i = 0; i < 10; ++i) learned.idle_gaps.reused(1, start, start + 2h);
  for (int i = 0; i < 10; ++i) learned.idle_gaps.reused(2, start, start + 50s);
  EXPECT_EQ(plan().idle_timeouts, (std::vector<Duration>{10s, 5s, 1min}));
  b.input.cost.rules.timeout_idle = 30s;
  EXPECT_EQ(plan().idle_timeouts, (std::vector<Duration>{10s, 5s, 5s}));
  b.input.cost.rules.learn_idle_timeout = false;
  EXPECT_TRUE(plan().idle_timeouts.empty());
}

}  // namespace
}  // namespace berth
