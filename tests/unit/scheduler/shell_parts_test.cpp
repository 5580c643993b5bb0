// From snapshots to a PlanInput, from decisions to commands and to what others see.
#include <algorithm>
#include <gtest/gtest.h>

#include "commands.hpp"
#include "kept.hpp"
#include "scheduled_queue.hpp"

namespace berth {
namespace {

using enum ContainerState;
using Names = std::vector<std::string>;

TEST(MatchedQueue, PairsContainersWithProcessesAndFindsOrphans) {
  Snapshots s;
  for (const char* uuid : {"b", "d", "f"}) s.add(uuid, running, 1);
  for (const char* uuid : {"a", "b", "c", "f", "g"}) s.pool.running.put(uuid, {});
  const MatchedQueue queue(s.queue, s.pool);
  ASSERT_EQ(queue.rows().size(), 6u);
  const auto row = [&](const std::string& uuid) { return queue.rows()[queue.find(uuid).value()]; };
  for (const char* uuid : {"b", "d", "f"}) EXPECT_EQ(row(uuid).entry->container.uuid, uuid);
  for (const char* uuid : {"a", "b", "c", "f", "g"}) EXPECT_EQ(row(uuid).process->first, uuid);
  for (const char* uuid : {"a", "c", "g"}) EXPECT_FALSE(row(uuid).entry);
  EXPECT_FALSE(row("d").process);
  EXPECT_EQ(queue.find("e"), std::nullopt);
}

TEST(MatchedQueue, TellsWhatChangedAndGivesNumbersAgain) {
  Snapshots s;
  s.add("a", locked, 1);
  s.add("b", locked, 1);
  s.instance("i-1", "small", WorkerState::idle);
  s.instance("i-2", "small", WorkerState::unknown, {"b", "stranger"});
  MatchedQueue queue(s.queue, s.pool);
  EXPECT_EQ(queue.counts(), (MatchedQueue::Counts{2, 1, 0}));
  const MatchedQueue::Changes none = queue.update(s.queue, s.pool);
  EXPECT_TRUE(none.containers.empty());
  EXPECT_TRUE(none.instances.empty());

  const std::uint32_t stranger = queue.find("stranger").value();
  s.add("stranger", running, 1);
  MatchedQueue::Changes changes = queue.update(s.queue, s.pool);
  EXPECT_EQ(changes.containers, std::vector<std::uint32_t>{stranger});
  EXPECT_EQ(changes.instances, std::vector<std::uint32_t>{1}) << "it counts as full no longer";

  const std::uint32_t a = queue.find("a").value();
  s.queue.entries.erase("a");
  s.pool.instances.erase(101);
  s.placeholder("b", kPollTime);
  changes = queue.update(s.queue, s.pool);
  EXPECT_TRUE(queue.rows()[a].empty());
  EXPECT_EQ(queue.instances()[0], nullptr);
  EXPECT_EQ(queue.counts(), (MatchedQueue::Counts{1, 1, 1}));
  s.add("c", locked, 1);
  s.instance("", "small", WorkerState::booting);
  queue.update(s.queue, s.pool);
  EXPECT_EQ(queue.find("c"), a);
  EXPECT_EQ(queue.instances()[0]->number, 103u);
  EXPECT_EQ(queue.counts(), (MatchedQueue::Counts{1, 1, 1})) << "a pending create is not counted";
}

TEST(PlanInputBuilder, CarriesOverWhatThePlannerNeeds) {
  Snapshots s;
  QueueEntry a = s.add("a", locked, 7, {"small", "large"}, {1, 2, 3, 0, 0});
  set_supervisor(a, true);
  a.first_seen = WallTime(Duration(5));
  s.set(a);
  s.add("b", running, 1, {"small", "large"}, {1, 2, 3, 0, 0});
  s.add("c", queued, 1, {"large", "retired"}, {-4, 2, 3, 0, 0});
  s.instance("i-1", "large", WorkerState::running, {"b", "stranger"});
  PoolInstance retired = s.instance("i-2", "retired", WorkerState::idle);
  retired.idle_behavior = IdleBehavior::drain;
  s.set(retired);
  s.instance("", "small", WorkerState::booting);
  s.placeholder("gone", kPollTime);
  s.pool.at_quota = true;
  s.pool.instances_left = 3;
  s.pool.create_slots = 2;
  s.pool.blocked_types = {"small", "retired"};

  Kept kept(9);
  const PlanInput& input = kept.update(s, {11, 5});

  ASSERT_EQ(input.containers.size(), 5u);
  EXPECT_TRUE(input.containers[3].gone && input.containers[4].gone) << "stranger and gone are not in the queue";
  EXPECT_EQ(input.containers[0].uuid, "a");
  EXPECT_EQ(input.containers[0].priority, 7);
  EXPECT_EQ(input.containers[0].first_seen, WallTime(Duration(5)));
  EXPECT_EQ(input.containers[0].created, WallTime(std::chrono::hours(2)));
  EXPECT_TRUE(input.containers[0].supervisor);
  EXPECT_FALSE(input.containers[0].in_pool);
  EXPECT_TRUE(input.containers[1].in_pool);
  EXPECT_EQ(input.containers[0].need, input.containers[1].need) << "alike, so they share a class";
  EXPECT_NE(input.containers[0].need, input.containers[2].need);
  const NeedClass& need = input.needs[input.containers[2].need];
  EXPECT_EQ(need.need.vcpus, 0) << "nothing negative";
  ASSERT_EQ(input.type_lists[need.type_list].size(), 1u) << "a type that is not configured is left out";
  EXPECT_EQ(kept.builder.type_name(input.type_lists[need.type_list][0]), "large");

  ASSERT_EQ(input.instances.size(), 3u);
  EXPECT_EQ(input.instances[0].containers, std::vector<std::uint32_t>{1});
  EXPECT_EQ(input.instances[0].unknown_containers, 1u);
  EXPECT_EQ(input.instances[1].type, kNoType);
  EXPECT_EQ(input.instances[1].idle_behavior, IdleBehavior::drain);
  EXPECT_EQ(input.instances[2].id, "");

  EXPECT_TRUE(input.limits.at_quota);
  EXPECT_EQ(input.limits.instances_left, 3);
  EXPECT_EQ(input.limits.create_slots, 2);
  EXPECT_EQ(input.limits.blocked_types, (std::vector<bool>{false, true})) << "large, small";
  EXPECT_EQ(input.limits.max_containers, 11);
  EXPECT_EQ(input.limits.max_supervisors, 5);
  EXPECT_EQ(input.limits.max_per_instance, 9);
  EXPECT_EQ(input.limits.total_instances, s.pool.total());
  EXPECT_EQ(input.limits.running, 3) << "b, stranger, and the placeholder";
}

TEST(PlanInputBuilder, AContainerWhoseUnlockIsUnderWayIsNotStarted) {
  Snapshots s;
  s.add("a", locked, 1);
  s.instance("i-1", "small", WorkerState::idle);
  Kept kept;
  EXPECT_EQ(plan(kept.update(s), Policy::greedy).starts.size(), 1u);
  Kept unlocking;
  unlocking.unlocking = [](const std::string& uuid) { return uuid == "a"; };
  EXPECT_TRUE(plan(unlocking.update(s), Policy::greedy).starts.empty());
}

TEST(PlanInputBuilder, KeepsNoMoreNeedsThanTheQueueIsWorth) {
  Kept kept;
  Snapshots s;
  s.add("b", queued, 1, {"small"}, {1, 7, 1, 0, 0});
  std::size_t most = 0;
  for (int i = 0; i < 5000; ++i) {
    s.add("a", queued, 1, {"small"}, {1, i, 1, 0, 0});
    most = std::max(most, kept.update(s).needs.size());
  }
  EXPECT_LT(most, 1100u);
  const PlanInput& input = kept.update(s);
  EXPECT_EQ(input.needs[input.containers[1].need].need.ram, 7);
  EXPECT_EQ(input.needs[input.containers[0].need].need.ram, 4999);
}

TEST(ReconcilePass, SortsActionsByWhoCarriesThemOut) {
  Snapshots s;
  s.add("done", complete, 1);
  s.add("lost", running, 1);
  s.add("over", cancelled, 1);
  s.add("returned", locked, 0);
  s.add("stopped", running, 0);
  s.add("working", running, 1);
  s.instance("i-1", "small", WorkerState::running, {"over", "stopped", "stranger", "working"});
  s.placeholder("past", kPollTime);
  const Reconciliation r = Kept().reconcile_all(s);
  EXPECT_EQ(r.forgets, Names{"done"});
  EXPECT_EQ(r.cancels, Names{"lost"});
  EXPECT_EQ(r.requeues, Names{"returned"});
  EXPECT_EQ(r.placeholders, Names{"past"});
  Names killed;
  for (const KillRequest& kill : r.kills) killed.push_back(kill.uuid + ": " + kill.reason);
  std::sort(killed.begin(), killed.end());
  EXPECT_EQ(killed, (Names{"over: state is Cancelled", "stopped: priority is 0", "stranger: not in the queue"}));
}

TEST(ReconcilePass, NothingIsCancelledWhileAWorkerIsUnknown) {
  Snapshots s;
  s.add("lost", running, 1);
  s.instance("i-1", "small", WorkerState::unknown);
  Kept kept;
  EXPECT_TRUE(kept.reconcile_all(s).cancels.empty());
  s.pool.instances = {};
  EXPECT_EQ(kept.reconcile_all(s).cancels, Names{"lost"});
}

TEST(ReconcilePass, WhatIsLostIsToldOfThePoolAlone) {
  Snapshots s;
  EXPECT_TRUE(is_lost(s.pool, "a"));
  s.placeholder("a", kPollTime);
  EXPECT_TRUE(is_lost(s.pool, "a"));
  s.instance("i-1", "small", WorkerState::unknown);
  EXPECT_FALSE(is_lost(s.pool, "b")) << "nobody knows what runs there";
  s.pool.instances = {};
  s.instance("i-2", "small", WorkerState::running, {"b"});
  EXPECT_FALSE(is_lost(s.pool, "b"));
}

TEST(Commands, NameInstancesByNumberAndKeepTheOrder) {
  Snapshots s;
  s.add("a", locked, 2);
  s.add("b", locked, 1, {"large"});
  s.instance("i-1", "small", WorkerState::idle);
  s.instance("", "small", WorkerState::booting);
  s.instance("i-3", "small", WorkerState::shutdown);
  Kept kept;
  kept.update(s);
  Decisions made;
  made.creates = {0, 1};
  made.starts = {{0, 0}};
  made.kills = {1};
  made.shutdowns = {0, 1, 2};
  Reconciliation reconciliation;
  reconciliation.kills = {{"x", "why"}};
  reconciliation.placeholders = {"y"};
  const PoolCommands commands = pool_commands(made, reconciliation, kept.queue, kept.builder);
  EXPECT_EQ(commands.creates, (Names{"large", "small"}));
  ASSERT_EQ(commands.starts.size(), 1u);
  EXPECT_EQ(commands.starts[0].instance, 101u);
  EXPECT_EQ(commands.starts[0].uuid, "a");
  EXPECT_EQ(commands.starts[0].created_at, WallTime(std::chrono::hours(2)));
  ASSERT_EQ(commands.kills.size(), 2u);
  EXPECT_EQ(commands.kills[1].uuid, "b");
  EXPECT_EQ(commands.forgets, Names{"y"});
  EXPECT_EQ(commands.shutdowns, std::vector<std::uint64_t>{101}) << "not the pending one, nor one that is going";
  EXPECT_FALSE(empty(commands));
  EXPECT_TRUE(empty(PoolCommands{}));
}

TEST(ScheduledQueue, IsInOrderWithReasonsAndSentences) {
  Snapshots s;
  s.add("a", queued, 0);
  s.add("b", locked, 1);
  s.add("c", locked, 9, {"large"});
  s.pool.create_slots = 1;
  s.pool.blocked_types = {"large"};
  Kept kept;
  const Plan made = plan(kept.update(s), Policy::greedy);
  const ScheduledQueue scheduled = scheduled_queue(made, kept.queue, kept.builder);
  ASSERT_EQ(scheduled.containers.size(), 3u);
  EXPECT_EQ(scheduled.containers[0].entry->container.uuid, "c");
  EXPECT_EQ(status_text(scheduled.containers[0]),
            "Waiting at position 1: there is no room now for any suitable instance type (large).");
  EXPECT_EQ(scheduled.containers[1].entry->container.uuid, "b");
  EXPECT_EQ(scheduled.containers[1].instance_type, "small");
  EXPECT_EQ(status_text(scheduled.containers[1]), "Waiting for an instance of type small to be ready.");
  EXPECT_EQ(status_text(scheduled.containers[2]), "Container will not run: its priority is 0 and its state is Queued.");
}

TEST(ScheduledQueue, ARefusedStartWaitsForTheInstance) {
  Snapshots s;
  s.add("a", locked, 1);
  s.instance("i-1", "small", WorkerState::idle);
  Kept kept;
  const PlanInput& input = kept.update(s);
  Plan made = plan(input, Policy::greedy);
  refuse_start(made, made.starts.at(0), input);
  EXPECT_EQ(made.allocated_not_started, 1);
  const ScheduledQueue scheduled = scheduled_queue(made, kept.queue, kept.builder);
  EXPECT_EQ(scheduled.containers[0].reason, Reason::new_instance);
  EXPECT_EQ(scheduled.containers[0].instance_type, "small");
}

TEST(LongestWait, OfWhatWaitsAndHasAPriority) {
  const WallTime now(std::chrono::hours(3));
  Snapshots s;
  s.add("running", running, 1);
  s.add("zero", queued, 0);
  Kept kept;
  EXPECT_EQ(kept.longest_wait(s, now), Duration(0));
  QueueEntry young = s.add("young", queued, 1);
  young.container.created_at = now - std::chrono::seconds(10);
  s.set(young);
  EXPECT_EQ(kept.longest_wait(s, now), std::chrono::seconds(10));
  s.add("old", locked, 1);
  EXPECT_EQ(kept.longest_wait(s, now), std::chrono::hours(1));
  s.pool.running.put("old", {});
  EXPECT_EQ(kept.longest_wait(s, now), std::chrono::seconds(10));
}

}  // namespace
}  // namespace berth
