// The mapping pass, rule by rule: facts §14 "Scheduler mapping", and where policy greedy departs from the reference.
#include <gtest/gtest.h>

#include "mapping_pass.hpp"
#include "plan_builder.hpp"

namespace berth {
namespace {

using enum ContainerState;
using Names = std::vector<std::string>;

constexpr Resources kOne{1, 1, 1, 0, 0};
Resources vcpus(std::int64_t n) {
  return {n, n, n, 0, 0};
}

/// Types t1, t2, t4, t8, t16 of so many VCPUs, RAM and scratch, $1 per VCPU; many creates allowed.
PlanBuilder world() {
  PlanBuilder b;
  for (std::int64_t n : {1, 2, 4, 8, 16}) b.type("t" + std::to_string(n), static_cast<double>(n), {n, n, n, 0, 0});
  b.input.limits.create_slots = 1000;
  return b;
}
Plan greedy(const PlanBuilder& b) {
  return plan(b.input, Policy::greedy);
}

TEST(Mapping, IdleInstanceGetsTheHighestPriorityAndOthersGetNewOnesOfTheCheapestType) {
  PlanBuilder b = world();
  b.container("low", locked, 1, kOne, {"t1", "t2"});
  b.container("high", locked, 9, kOne, {"t1", "t2"});
  b.container("middle", locked, 5, kOne, {"t1", "t2"});
  b.instance("i-1", "t1", WorkerState::idle);
  const Plan p = greedy(b);
  EXPECT_EQ(b.uuids(p.order), (Names{"high", "middle", "low"}));
  EXPECT_EQ(b.starts(p), Names{"high@i-1"});
  EXPECT_EQ(b.creates(p), (Names{"t1", "t1"}));
  EXPECT_EQ(b.status(p, "high"), "preparing");
  EXPECT_EQ(b.status(p, "low"), "waiting-new-instance");
  EXPECT_EQ(b.type_name(p.statuses[0].type), "t1");
  EXPECT_EQ(p.allocated_not_started, 2);
}

TEST(Mapping, WhatIsLockedForAReadyInstanceMayBeStartedAhead) {
  PlanBuilder b = world();
  b.container("a", queued, 9, kOne, {"t2"});
  b.container("b", locked, 8, kOne, {"t2"});
  b.container("c", queued, 7, kOne, {"t2"});
  b.container("d", queued, 6, kOne, {"t2"});
  b.instance("i-1", "t2", WorkerState::idle);
  b.instance("i-2", "t2", WorkerState::booting);
  const Plan p = greedy(b);
  ASSERT_EQ(p.ahead.size(), 1) << "b has the other slot, the rest waits for an instance that boots";
  EXPECT_EQ(b.uuids({p.ahead[0].container}), Names{"a"});
  EXPECT_EQ(p.ahead[0].instance, p.starts[0].instance);
  EXPECT_EQ(b.uuids(p.locks), (Names{"a", "c", "d"}));
  EXPECT_TRUE(plan(b.input, Policy::reference).ahead.empty());
}

TEST(Mapping, PacksNewInstances) {
  PlanBuilder b = world();
  for (const char* uuid : {"a", "b", "c", "d"}) b.container(uuid, locked, 1, kOne, {"t2"});
  EXPECT_EQ(b.creates(greedy(b)), (Names{"t2", "t2"}));
}

TEST(Mapping, FillsALargerIdleInstanceWithinThePriceFactor) {
  PlanBuilder b = world();
  for (const char* uuid : {"a", "b", "c", "d", "e", "f"}) b.container(uuid, locked, 1, kOne, {"t1", "t4"});
  b.instance("i-4", "t4", WorkerState::idle);
  b.instance("i-8", "t8", WorkerState::idle);  // above the price ceiling: not in the list
  const Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), (Names{"a@i-4", "b@i-4", "c@i-4", "d@i-4"}));
  EXPECT_EQ(b.creates(p), (Names{"t1", "t1"}));
}

TEST(Mapping, APartlyUsedInstanceGetsMoreUpToItsCapacity) {
  PlanBuilder b = world();
  b.container("running", running, 1, vcpus(2), {"t4"});
  for (const char* uuid : {"a", "b", "c"}) b.container(uuid, queued, 1, kOne, {"t4"}).state = locked;
  b.instance("i-4", "t4", WorkerState::running, {"running"});
  const Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), (Names{"a@i-4", "b@i-4"}));
  EXPECT_EQ(b.creates(p), Names{"t4"});
}

TEST(Mapping, AnInstanceWithContainersThatTheQueueDoesNotKnowIsFull) {
  PlanBuilder b = world();
  b.container("a", locked, 1, kOne, {"t4"});
  b.instance("i-4", "t4", WorkerState::running, {"stranger"});
  EXPECT_TRUE(greedy(b).starts.empty());
}

TEST(Mapping, HoldDrainShutdownAndUnconfiguredTypesGetNothing) {
  for (IdleBehavior behavior : {IdleBehavior::hold, IdleBehavior::drain}) {
    PlanBuilder b = world();
    b.container("a", locked, 1, kOne, {"t1"});
    b.instance("i-1", "t1", WorkerState::idle).idle_behavior = behavior;
    EXPECT_EQ(b.creates(greedy(b)), Names{"t1"});
  }
  PlanBuilder b = world();
  b.container("a", locked, 1, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::shutdown);
  b.instance("i-2", "t1", WorkerState::idle).type = kNoType;
  EXPECT_EQ(b.creates(greedy(b)), Names{"t1"});
}

TEST(Mapping, MaxPerInstanceLimitsPackingAlsoOnNewInstances) {
  struct Row {
    std::int64_t most;
    std::size_t starts, creates;
  };
  for (const Row& row : {Row{0, 5, 0}, Row{1, 1, 4}, Row{2, 2, 2}, Row{3, 3, 1}}) {
    PlanBuilder b = world();
    for (const char* uuid : {"a", "b", "c", "d", "e"}) b.container(uuid, locked, 1, kOne, {"t8"});
    b.instance("i-8", "t8", WorkerState::idle);
    b.input.limits.max_per_instance = row.most;
    const Plan p = greedy(b);
    EXPECT_EQ(p.starts.size(), row.starts) << row.most;
    EXPECT_EQ(p.creates.size(), row.creates) << row.most;
  }
}

TEST(Mapping, UnknownInstancesCountAsFutureRoom) {
  for (WorkerState state : {WorkerState::unknown, WorkerState::booting}) {
    PlanBuilder b = world();
    b.container("a", locked, 1, kOne, {"t1"});
    b.container("b", locked, 1, kOne, {"t1"});
    b.instance("i-1", "t1", state);
    const Plan p = greedy(b);
    EXPECT_TRUE(p.starts.empty());
    EXPECT_EQ(b.creates(p), Names{"t1"});
    EXPECT_EQ(p.allocated_not_started, 2);
    b.instance("", "t1", WorkerState::booting);  // what was created, in the next pass
    EXPECT_TRUE(greedy(b).creates.empty());
  }
}

TEST(Mapping, MixedResourcesShareOneInstance) {
  PlanBuilder b = world();
  b.container("cpu", locked, 9, {5, 1, 1, 0, 0}, {"t8"});
  b.container("ram", locked, 8, {1, 6, 1, 0, 0}, {"t8"});
  b.container("scratch", locked, 7, {1, 1, 6, 0, 0}, {"t8"});
  b.container("nine", locked, 6, {9, 1, 1, 0, 0}, {"t16"});
  for (const char* uuid : {"w", "x", "y", "z"}) b.container(uuid, locked, 1, {0, 0, 0, 0, 0}, {"t1"});
  EXPECT_EQ(b.creates(greedy(b)), (Names{"t8", "t16", "t1"}));
}

TEST(Mapping, ZeroVcpuContainersNeverShareWithOneThatTakesAllVcpus) {
  for (bool zero_first : {true, false}) {
    PlanBuilder b = world();
    b.container("zero", locked, zero_first ? 9 : 1, {0, 0, 0, 0, 0}, {"t4"});
    b.container("all", locked, 5, {4, 0, 0, 0, 0}, {"t4"});
    b.instance("i-1", "t4", WorkerState::idle);
    b.instance("i-2", "t4", WorkerState::idle);
    const Plan p = greedy(b);
    ASSERT_EQ(p.starts.size(), 2u);
    EXPECT_NE(p.starts[0].instance, p.starts[1].instance);
  }
}

TEST(Mapping, AtQuotaNothingIsCreatedUnsuitableIdleGoAndAllButTheFirstAreUnlocked) {
  PlanBuilder b = world();
  b.container("first", locked, 9, vcpus(4), {"t4"});
  b.container("second", locked, 8, vcpus(4), {"t4"});
  b.container("third", queued, 7, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::idle);
  b.instance("i-2", "t2", WorkerState::idle);
  b.input.limits.at_quota = true;
  const Plan p = greedy(b);
  EXPECT_TRUE(p.creates.empty());
  EXPECT_TRUE(p.starts.empty());
  EXPECT_EQ(b.uuids(p.unlocks), Names{"second"});
  EXPECT_EQ(b.shutdowns(p), (Names{"i-1", "i-2"}));
  EXPECT_EQ(b.status(p, "first"), "cloud-limits 1");
  EXPECT_EQ(b.status(p, "third"), "cloud-limits 3");
  EXPECT_EQ(p.not_allocated_over_quota, 3);
}

TEST(Mapping, TheLastInstanceOfTheQuotaIsCreatedAndTheRestOfThePassIsAtQuota) {
  PlanBuilder b = world();
  b.container("first", locked, 9, vcpus(4), {"t4"});
  b.container("second", locked, 8, vcpus(4), {"t4"});
  b.container("small", locked, 7, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::idle);
  b.input.limits.instances_left = 2;
  Plan p = greedy(b);
  EXPECT_EQ(b.creates(p), (Names{"t4", "t4"}));
  EXPECT_EQ(b.starts(p), Names{"small@i-1"});
  EXPECT_TRUE(p.unlocks.empty());
  EXPECT_TRUE(p.at_quota);
  b.input.limits.instances_left = 1;
  p = greedy(b);
  EXPECT_EQ(b.creates(p), Names{"t4"});
  EXPECT_EQ(b.uuids(p.unlocks), Names{"small"}) << "second is kept, what follows it is not";
}

TEST(Mapping, TypeAtCapacityMakesItsContainersWait) {
  PlanBuilder b = world();
  b.container("large", locked, 9, vcpus(8), {"t8", "t16"});
  b.container("queued", queued, 8, vcpus(8), {"t8"});
  b.container("small", locked, 1, kOne, {"t1"});
  b.block("t8");
  b.block("t16");
  Plan p = greedy(b);
  EXPECT_EQ(b.creates(p), Names{"t1"});
  EXPECT_TRUE(p.locks.empty());
  EXPECT_TRUE(p.unlocks.empty());
  EXPECT_EQ(b.status(p, "large"), "type-capacity 1");
  EXPECT_EQ(b.status(p, "queued"), "cluster-capacity 2");
  b.input.limits.blocked_types.back() = false;
  p = greedy(b);
  EXPECT_EQ(b.creates(p), (Names{"t16", "t1"})) << "the first type that is not at capacity";
}

TEST(Mapping, AtQuotaWhatWaitsForATypeAtCapacityTakesNobodysInstance) {
  PlanBuilder b = world();
  b.container("large", locked, 9, vcpus(8), {"t8"});
  b.container("queued", queued, 8, vcpus(8), {"t8"});
  b.container("small", locked, 1, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::booting);
  b.block("t8");
  b.input.limits.at_quota = true;
  const Plan p = greedy(b);
  EXPECT_TRUE(p.locks.empty());
  EXPECT_TRUE(p.unlocks.empty());
  EXPECT_TRUE(p.shutdowns.empty());
  EXPECT_EQ(b.status(p, "large"), "type-capacity 1");
  EXPECT_EQ(b.status(p, "small"), "waiting-new-instance");
  EXPECT_EQ(p.not_allocated_over_quota, 0);
  EXPECT_EQ(b.uuids(plan(b.input, Policy::reference).unlocks), Names{"small"}) << "facts §5.4";
}

TEST(Mapping, UnderALowContainerLimitNothingIsUnlockedOrShutDown) {
  PlanBuilder b = world();
  for (const char* uuid : {"a", "b", "c", "d", "e"}) b.container(uuid, locked, 1, kOne, {"t1"});
  for (const char* id : {"i-1", "i-2", "i-3", "i-4", "i-5"}) b.instance(id, "t1", WorkerState::idle);
  b.input.limits.max_containers = 3;
  const Plan p = greedy(b);
  EXPECT_EQ(p.starts.size(), 3u);
  EXPECT_TRUE(p.unlocks.empty());
  EXPECT_TRUE(p.shutdowns.empty());
  EXPECT_EQ(b.status(p, "e"), "cluster-capacity 2");
}

TEST(Mapping, ExcessLockedSupervisorsAreUnlockedForMoreUrgentOnesAndInstancesStay) {
  PlanBuilder b = world();
  for (const char* uuid : {"s1", "s2", "s3"}) b.container(uuid, locked, 5, kOne, {"t1"}).supervisor = true;
  b.container("s4", queued, 5, kOne, {"t1"}).supervisor = true;
  b.container("plain", locked, 1, kOne, {"t1"});
  for (const char* id : {"i-1", "i-2", "i-3", "i-4"}) b.instance(id, "t1", WorkerState::idle);
  b.input.limits.max_supervisors = 2;
  const Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), (Names{"s1@i-1", "s2@i-2", "plain@i-3"}));
  EXPECT_EQ(b.uuids(p.unlocks), Names{});
  EXPECT_EQ(b.status(p, "s3"), "supervisor-limit 1");
  EXPECT_EQ(b.status(p, "s4"), "supervisor-limit 2");
  EXPECT_TRUE(p.shutdowns.empty());
  EXPECT_EQ(p.not_allocated_over_quota, 2);
  EXPECT_EQ(b.uuids(plan(b.input, Policy::reference).unlocks), Names{"s3"});
  b.container("s5", queued, 6, kOne, {"t1"}).supervisor = true;
  EXPECT_EQ(b.uuids(greedy(b).unlocks), Names{"s3"});
}

TEST(Mapping, RunningSupervisorsCountAndQueuedExcessOnesJustWait) {
  PlanBuilder b = world();
  b.container("running", running, 5, kOne, {"t1"}).supervisor = true;
  b.container("locked", locked, 5, kOne, {"t1"}).supervisor = true;
  b.container("queued", queued, 5, kOne, {"t1"}).supervisor = true;
  b.instance("i-1", "t1", WorkerState::running, {"running"});
  b.instance("i-2", "t1", WorkerState::idle);
  b.instance("i-3", "t1", WorkerState::idle);
  b.input.limits.max_supervisors = 2;
  const Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), Names{"locked@i-2"});
  EXPECT_TRUE(p.locks.empty());
  EXPECT_TRUE(p.unlocks.empty());
  EXPECT_TRUE(p.shutdowns.empty());
}

/// After a start of the daemon, or while its worker cannot be reached: it runs all the same.
TEST(Mapping, SupervisorsThatRunInNoPoolCountButWithReference) {
  PlanBuilder b = world();
  b.container("unseen", running, 5, kOne, {"t1"}).supervisor = true;
  b.container("locked", locked, 5, kOne, {"t1"}).supervisor = true;
  b.instance("i-1", "t1", WorkerState::idle);
  b.input.limits.max_supervisors = 1;
  const Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), Names{});
  EXPECT_EQ(b.status(p, "locked"), "supervisor-limit 1");
  EXPECT_EQ(b.starts(plan(b.input, Policy::reference)), Names{"locked@i-1"}) << "what comes later in order";
  b.input.limits.max_supervisors = 2;
  EXPECT_EQ(b.starts(greedy(b)), Names{"locked@i-1"}) << "it counts once";
}

TEST(Mapping, QueuedContainersAreLockedAndReserveRoomButCreateNothing) {
  PlanBuilder b = world();
  b.container("a", queued, 9, kOne, {"t1"});
  b.container("b", queued, 8, kOne, {"t1"});
  b.container("c", queued, 0, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::idle);
  const Plan p = greedy(b);
  EXPECT_EQ(b.uuids(p.locks), (Names{"a", "b"}));
  EXPECT_TRUE(p.starts.empty());
  EXPECT_TRUE(p.creates.empty());
  EXPECT_EQ(b.status(p, "c"), "priority-zero");
}

TEST(Mapping, EqualPrioritiesGoByFirstSeenThenCreatedThenUuid) {
  PlanBuilder b = world();
  for (const char* uuid : {"c", "b", "a"}) b.container(uuid, queued, 5, kOne, {"t1"});
  EXPECT_EQ(b.uuids(greedy(b).order), (Names{"c", "b", "a"}));
  for (const char* uuid : {"a", "b", "c"}) b.find(uuid).first_seen = {};
  EXPECT_EQ(b.uuids(greedy(b).order), (Names{"a", "b", "c"}));
  b.find("c").created = WallTime(Duration(-1));
  EXPECT_EQ(b.uuids(greedy(b).order), (Names{"c", "a", "b"}));
}

TEST(Mapping, KnownToThePoolThenLockedComeFirst) {
  PlanBuilder b = world();
  b.container("queued-high", queued, 1000, kOne, {"t1"});
  b.container("locked-low", locked, 1, kOne, {"t1"});
  b.container("running", running, 1, kOne, {"t1"});
  b.container("huge", queued, std::int64_t{1'130'000'000'000'000'000}, kOne, {"t1"});
  b.instance("i-1", "t1", WorkerState::running, {"running"});
  EXPECT_EQ(b.uuids(greedy(b).order), (Names{"running", "locked-low", "huge", "queued-high"}));
}

TEST(Mapping, LowerPrioritiesStartOnIdleInstancesWhileHigherOnesWaitForBootingOnes) {
  PlanBuilder b = world();
  b.container("large", locked, 9, vcpus(4), {"t4"});
  b.container("small", locked, 1, kOne, {"t1"});
  b.instance("i-4", "t4", WorkerState::booting);
  b.instance("i-1", "t1", WorkerState::idle);
  Plan p = greedy(b);
  EXPECT_EQ(b.starts(p), Names{"small@i-1"});
  EXPECT_EQ(b.status(p, "large"), "waiting-new-instance");

  PlanBuilder same = world();
  same.container("high", locked, 9, kOne, {"t1"});
  same.container("low", locked, 1, kOne, {"t1"});
  same.instance("i-1", "t1", WorkerState::booting);
  same.instance("i-2", "t1", WorkerState::idle);
  p = greedy(same);
  EXPECT_EQ(same.starts(p), Names{"high@i-2"}) << "ready before booting";
}

TEST(Mapping, OldProcessesAreKilledFirst) {
  PlanBuilder b = world();
  b.container("locked", locked, 9, kOne, {"t1"}).old_process = true;
  b.container("queued", queued, 8, kOne, {"t1"}).old_process = true;
  b.instance("i-1", "t1", WorkerState::idle);
  b.instance("i-2", "t1", WorkerState::idle);
  const Plan p = greedy(b);
  EXPECT_EQ(b.uuids(p.kills), (Names{"locked", "queued"}));
  EXPECT_TRUE(p.starts.empty());
  EXPECT_TRUE(p.locks.empty());
  EXPECT_EQ(b.status(p, "locked"), "waiting-previous-attempt");
}

TEST(Mapping, CreateSlotsBoundTheCreatesOfOnePass) {
  PlanBuilder b = world();
  for (const char* uuid : {"a", "b", "c"}) b.container(uuid, locked, 1, kOne, {"t1"});
  b.input.limits.create_slots = 1;
  const Plan p = greedy(b);
  EXPECT_EQ(p.creates.size(), 1u);
  EXPECT_EQ(b.status(p, "c"), "cluster-capacity 2");
  EXPECT_TRUE(p.unlocks.empty());
}

// ---- departures of greedy from the reference

TEST(Departures, SoleOverQuotaContainerStaysLockedIfAnInstanceExists) {  // facts §15 #10
  PlanBuilder b = world();
  b.container("only", locked, 1, vcpus(4), {"t4"});
  b.input.limits.at_quota = true;
  EXPECT_EQ(b.uuids(plan(b.input, Policy::greedy).unlocks), Names{"only"}) << "no instance exists";
  b.instance("i-1", "t1", WorkerState::running);
  EXPECT_TRUE(plan(b.input, Policy::greedy).unlocks.empty());
  EXPECT_EQ(b.uuids(plan(b.input, Policy::reference).unlocks), Names{"only"});
}

TEST(Departures, TotalOrderPrefersAFreeReadyInstanceToAFullerBootingOne) {  // facts §15 #42
  PlanBuilder b = world();
  for (const char* uuid : {"x", "y", "z"}) b.container(uuid, locked, 1, {0, 0, 0, 0, 0}, {"t8"});
  b.container("a", locked, 1, kOne, {"t4", "t8"});
  b.instance("i-4", "t4", WorkerState::idle);
  b.instance("i-8", "t8", WorkerState::booting, {"x", "y", "z"});
  EXPECT_EQ(b.starts(plan(b.input, Policy::greedy)), Names{"a@i-4"});
  EXPECT_TRUE(plan(b.input, Policy::reference).starts.empty());
}

TEST(Departures, GpuMemoryIsPerDevice) {  // facts §15 #26
  PlanBuilder b;
  b.type("gpu", 1, {8, 8, 8, 2, 16});
  b.container("a", locked, 2, {1, 1, 1, 1, 12}, {"gpu"});
  b.container("b", locked, 1, {1, 1, 1, 1, 12}, {"gpu"});
  b.instance("i-1", "gpu", WorkerState::idle);
  EXPECT_EQ(b.starts(plan(b.input, Policy::greedy)), (Names{"a@i-1", "b@i-1"}));
  EXPECT_EQ(b.starts(plan(b.input, Policy::reference)), Names{"a@i-1"});
}

TEST(Policy, Names) {
  EXPECT_EQ(parse_policy("greedy").value(), Policy::greedy);
  EXPECT_EQ(parse_policy("reference").value(), Policy::reference);
  EXPECT_EQ(parse_policy("cost").value(), Policy::cost);
  EXPECT_FALSE(parse_policy("cheap"));
}

TEST(Mapping, NothingToDo) {
  EXPECT_EQ(plan({}, Policy::greedy), Plan{});
  EXPECT_EQ(plan({}, Policy::reference), Plan{});
  EXPECT_EQ(plan({}, Policy::cost), Plan{});
}

}  // namespace
}  // namespace berth
