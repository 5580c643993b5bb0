#include "queue_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const auto uuid = FakeContainerApi::uuid;

class Polling : public QueueTest {};

TEST_F(Polling, ListsHeldThenWindowWithTheParametersOfTheFacts) {
  api_.add(1);
  start_and_load(1);
  std::vector<const FakeCall*> calls;
  for (const auto& call : api_.calls)
    if (calls.size() < 5) calls.push_back(&call);
  EXPECT_EQ(calls[0]->verb, "token");
  const ContainerQuery& held = calls[1]->query;
  EXPECT_EQ(held.order, "uuid");
  EXPECT_EQ(held.limit, 1000);
  EXPECT_TRUE(held.brief);
  ASSERT_EQ(held.filters.size(), 1);
  EXPECT_EQ(held.filters[0].operand, api_.token_uuid);
  EXPECT_EQ(calls[2]->list_kind(), "window");
  EXPECT_EQ(calls[2]->query.limit, 1000);
  EXPECT_EQ(calls[2]->query.filters[0].operand, "Queued");
  EXPECT_EQ(calls[2]->query.filters[1].operand, "0");
  EXPECT_EQ(calls[3]->query.offset, 1) << "the end is an empty page";
  run_next_poll();
  EXPECT_EQ(api_.count("token"), 1);
}

TEST_F(Polling, OfWhatIsHeldOnlyTheUnknownIsAskedForWhole) {
  for (int i = 0; i < 300; ++i) api_.add_locked(i, ContainerState::running);
  start_and_load(300);
  EXPECT_EQ(api_.count_lists("fetch"), 2) << "250 at a time";
  EXPECT_EQ(api_.count_lists("missing"), 0);
  EXPECT_EQ(entry(299)->container.created_at, api_.at(299).created_at);
  api_.calls.clear();
  api_.add_locked(300, ContainerState::running);
  EXPECT_TRUE(api_.runner_sets(uuid(7), ContainerState::complete));
  api_.user_sets_priority(uuid(8), 0);
  run_next_poll();
  EXPECT_EQ(api_.count_lists("fetch"), 1);
  EXPECT_EQ(api_.count_lists("missing"), 1);
  EXPECT_EQ(seen(7), "Complete 1");
  EXPECT_EQ(seen(8), "Running 0");
  EXPECT_EQ(queue_->snapshot()->to_come.count(uuid(300)), 1U) << "what runs of it is left alone until it has an entry";
  runtime_.run_for(1s);
  EXPECT_EQ(seen(300), "Running 1");
  EXPECT_EQ(entry(300)->container.locked_by_uuid, api_.token_uuid);
}

TEST_F(Polling, FirstPollIsRepeatedUntilItSucceedsThenOnePerInterval) {
  api_.latency = 0ms;
  std::vector<SteadyTime> polls;
  bool broken = true;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() == "held" && call.verb == "list") polls.push_back(call.at);
    if (broken && call.list_kind() == "window") return Error{ErrorKind::server_error, "broken"};
    return std::nullopt;
  };
  const SteadyTime begin = runtime_.now();
  start();
  runtime_.run_for(2500ms);
  EXPECT_EQ(polls, (std::vector<SteadyTime>{begin, begin + 1s, begin + 2s}));
  EXPECT_EQ(updated(), std::nullopt);
  broken = false;
  runtime_.run_for(11s);
  EXPECT_EQ(polls.size(), 6) << "at 3 s, another one at once, and at 13 s";
  EXPECT_EQ(polls[4], begin + 3s);
  EXPECT_EQ(updated(), begin + 13s);
}

TEST_F(Polling, ALongIntervalMakesALongRetry) {
  options_.poll_interval = 60s;
  api_.latency = 0ms;
  api_.intercept = [&](const FakeCall&) { return Error{ErrorKind::network, "no connection"}; };
  start();
  runtime_.run_for(13s);
  EXPECT_EQ(api_.calls.size(), 3) << "at 0, 6 and 12 s";
}

TEST_F(Polling, ASlowPollIsFollowedByTheNextAtOnce) {
  api_.latency = 6s;  // three lists: 18 s
  start();
  const auto held_lists = [&] { return api_.count_lists("held"); };
  runtime_.run_until([&] { return updated().has_value(); }, 5min);
  runtime_.run_for(60s);
  EXPECT_GE(held_lists(), 4);
  EXPECT_LE(held_lists(), 6);
}

TEST_F(Polling, UpdatedIsWhenTheLastSuccessfulPollStarted) {
  api_.latency = 1s;
  start();
  const SteadyTime begin = runtime_.now();
  ASSERT_TRUE(runtime_.run_until([&] { return updated().has_value(); }, 1min));
  EXPECT_EQ(updated(), begin);
  EXPECT_GT(runtime_.now(), begin);
  run_next_poll();
  const auto good = updated();
  api_.intercept = [](const FakeCall&) { return Error{ErrorKind::type_mismatch, "items[0]: bad"}; };
  runtime_.run_for(1min);
  EXPECT_EQ(updated(), good);
  EXPECT_TRUE(sink_->contains("cannot update the container queue"));
}

TEST_F(Polling, AServerThatIsAwayIsSaidOnceAndAgainWhenItIsBack) {
  api_.intercept = [](const FakeCall&) { return Error{ErrorKind::network, "no connection"}; };
  start();
  runtime_.run_for(50s);
  EXPECT_EQ(sink_->lines().size(), 1u) << "though it is asked each second";
  api_.intercept = nullptr;
  run_next_poll();
  EXPECT_TRUE(sink_->contains("the container queue is up to date again"));
}

TEST_F(Polling, AFailedPollChangesNothing) {
  api_.add(1, 5);
  start_and_load(1);
  api_.user_sets_priority(uuid(1), 9);
  for (const char* broken : {"held", "window"}) {
    api_.intercept = [broken](const FakeCall& call) -> std::optional<Error> {
      if (call.list_kind() == broken) return Error{ErrorKind::undecodable, "not JSON"};
      return std::nullopt;
    };
    runtime_.run_for(30s);
    EXPECT_EQ(seen(1), "Queued 5");
  }
  api_.intercept = nullptr;
  run_next_poll();
  EXPECT_EQ(seen(1), "Queued 9");
}

TEST_F(Polling, AHungCallEndsAtItsDeadlineAndPollingGoesOn) {
  api_.add(1);
  start_and_load(1);
  bool hang = true;
  api_.intercept = [&](const FakeCall&) -> std::optional<Error> {
    if (std::exchange(hang, false)) return Error{ErrorKind::timeout, "no answer within the deadline"};
    return std::nullopt;
  };
  runtime_.run_for(75s);
  EXPECT_GT(*updated(), runtime_.now() - 15s);
}

TEST_F(Polling, PriorityAndCancellationAreSeenWithinOnePoll) {
  for (int i = 1; i <= 4; ++i) api_.add(i, 5);
  start_and_load(4);
  EXPECT_TRUE(lock(2));
  run_next_poll();
  api_.user_sets_priority(uuid(1), 0);
  api_.user_sets_priority(uuid(2), 0);
  api_.user_cancels(uuid(3));
  api_.user_sets_priority(uuid(4), 9);
  run_next_poll();
  EXPECT_EQ(seen(1), "Queued 0");
  EXPECT_EQ(seen(2), "Locked 0");
  EXPECT_EQ(seen(3), "Cancelled 5");
  EXPECT_EQ(seen(4), "Queued 9");
}

TEST_F(Polling, KeepsNeedsTypesAndFirstSeen) {
  api_.add(1, 5);
  start_and_load(1);
  const QueueEntry before = *entry(1);
  EXPECT_EQ(before.instance_types(), std::vector<std::string>{"small"});
  EXPECT_NE(before.id, 0);
  api_.user_sets_priority(uuid(1), 9);
  api_.at(1).runtime_constraints.vcpus = 99;
  run_next_poll();
  const QueueEntry after = *entry(1);
  EXPECT_EQ(after.container.priority, 9);
  EXPECT_EQ(after.spec->container.runtime_constraints.vcpus, 99);
  EXPECT_EQ(after.needed(), before.needed());
  EXPECT_EQ(after.instance_types(), before.instance_types());
  EXPECT_EQ(after.first_seen, before.first_seen);
  EXPECT_EQ(after.id, before.id);
}

TEST_F(Polling, MissingOnesAreAskedFor20AtATimeAndFinalOnesExpunged) {
  for (int i = 0; i < 45; ++i) api_.add(i);
  start_and_load(45);
  for (int i = 0; i < 45; ++i) api_.user_cancels(uuid(i));
  run_next_poll();
  EXPECT_EQ(api_.count_lists("missing"), 3);
  EXPECT_EQ(seen(44), "Cancelled 1");
  run_next_poll();
  EXPECT_TRUE(queue_->snapshot()->entries.empty());
  EXPECT_EQ(api_.count_lists("missing"), 3);
}

TEST_F(Polling, ShortPagesOfMissingOnesAreAskedAgain) {
  for (int i = 0; i < 20; ++i) api_.add(i);
  start_and_load(20);
  for (int i = 0; i < 20; ++i) api_.user_cancels(uuid(i));
  api_.max_page = 7;
  run_next_poll();
  EXPECT_EQ(seen(19), "Cancelled 1");
  EXPECT_EQ(api_.count_lists("missing"), 3);
}

TEST_F(Polling, DeletedOnesAreDroppedWithAWarning) {
  api_.add(1);
  api_.add(2);
  start_and_load(2);
  api_.records.erase(uuid(1));
  run_next_poll();
  EXPECT_EQ(seen(1), "-");
  EXPECT_EQ(seen(2), "Queued 1");
  EXPECT_TRUE(sink_->contains("gone from the database"));
}

TEST_F(Polling, AStateThatChangedHereMeanwhileIsNotOverwritten) {
  api_.add(1);
  start_and_load(1);
  api_.latency = 2s;
  // The window has been read, and its answer is on the way, when the container is locked.
  bool window_read = false;
  api_.after_call = [&](const FakeCall& call) { window_read = window_read || call.list_kind() == "window"; };
  ASSERT_TRUE(runtime_.run_until([&] { return window_read; }, 1min));
  api_.latency = 0ms;
  const auto before = updated();
  EXPECT_TRUE(lock(1));
  EXPECT_EQ(seen(1), "Locked 1");
  ASSERT_TRUE(runtime_.run_until([&] { return updated() != before; }, 1min));
  EXPECT_EQ(seen(1), "Locked 1");
  EXPECT_EQ(api_.at(1).state, ContainerState::locked);
}

TEST_F(Polling, WhatAnotherDispatcherHoldsIsNotOurs) {
  api_.add(1);
  api_.add_locked(2, ContainerState::running, "zzzzz-gj3su-somebodyelse000");
  start_and_load(1);
  api_.at(1).state = ContainerState::locked;
  api_.at(1).locked_by_uuid = "zzzzz-gj3su-somebodyelse000";
  run_next_poll();
  EXPECT_EQ(seen(1), "-");
  EXPECT_EQ(seen(2), "-");
}

TEST_F(Polling, PollSoonPollsAtOnce) {
  api_.add(1, 5);
  start_and_load(1);
  run_next_poll();
  runtime_.run_for(1s);
  api_.user_sets_priority(uuid(1), 6);
  queue_->poll_soon();
  runtime_.run_for(1s);
  EXPECT_EQ(seen(1), "Queued 6");
}

/// As after each connection of the event bus: what a list has passed over already is not told any more.
TEST_F(Polling, PollSoonDuringAPollPollsOnceMore) {
  api_.add(1, 5);
  start_and_load(1);
  bool asked = false;
  api_.after_call = [&](const FakeCall& call) {
    if (call.list_kind() != "window" || std::exchange(asked, true)) return;
    api_.user_sets_priority(uuid(1), 6);
    queue_->poll_soon();
  };
  run_next_poll();
  EXPECT_EQ(seen(1), "Queued 5");
  runtime_.run_for(1s);
  EXPECT_EQ(seen(1), "Queued 6");
}

TEST_F(Polling, ARecordThatCannotBeReadKeepsNobodyWaiting) {
  for (int i = 1; i <= 6; ++i) api_.add(i, 9 - i);
  api_.add_locked(7, ContainerState::running);
  for (int i : {1, 7}) api_.records.at(uuid(i)).unreadable = "ram: 10^19";
  start_and_load(5);
  EXPECT_EQ(seen(1) + seen(7), "--") << "nor does one that we hold keep the first poll from succeeding";
  EXPECT_EQ(queue_->snapshot()->to_come, (std::set<std::string, std::less<>>{uuid(1), uuid(7)}));

  EXPECT_TRUE(lock(2));
  for (int i : {2, 3}) api_.records.at(uuid(i)).unreadable = "ram: 10^19";
  for (int i : {2, 3, 4}) api_.user_sets_priority(uuid(i), 100);
  run_next_poll();
  EXPECT_EQ(seen(2) + ", " + seen(3) + ", " + seen(4), "Locked 7, Queued 6, Queued 100") << "as they were last read";
  for (int i : {1, 2, 3, 7}) api_.records.at(uuid(i)).unreadable.clear();
  run_next_poll();
  runtime_.run_for(1s);
  EXPECT_EQ(seen(2) + ", " + seen(3), "Locked 100, Queued 100");
  EXPECT_EQ(seen(1) + ", " + seen(7), "Queued 8, Running 1");
  EXPECT_EQ(queue_->snapshot()->to_come, (std::set<std::string, std::less<>>{uuid(7)})) << "it had no entry";
  run_next_poll();
  EXPECT_TRUE(queue_->snapshot()->to_come.empty());
  EXPECT_EQ(api_.count("cancel") + api_.count("unlock"), 0);
}

TEST_F(Polling, OneThatIsNoLongerListedAndCannotBeReadStays) {
  api_.add(1);
  start_and_load(1);
  api_.user_sets_priority(uuid(1), 0);
  api_.records.at(uuid(1)).unreadable = "vcpus: 1.5";
  run_next_poll();
  EXPECT_EQ(seen(1), "Queued 1");
}

TEST_F(Polling, SubscribersAreToldOfPollsAndLocalChanges) {
  api_.add(1);
  start_and_load(1);
  run_next_poll();
  runtime_.run_for(1s);
  Subscription changes = queue_->subscribe();
  SimTask<void> poll_change(runtime_, changes.wait());
  runtime_.run_for(9s);
  EXPECT_TRUE(poll_change.done());
  SimTask<void> local_change(runtime_, changes.wait());
  runtime_.settle();
  EXPECT_FALSE(local_change.done());
  EXPECT_TRUE(lock(1));
  runtime_.settle();
  EXPECT_TRUE(local_change.done());
}

TEST_F(Polling, GaugesCountByStateAndType) {
  api_.add(1);
  api_.add(2);
  start_and_load(2);
  EXPECT_TRUE(lock(1));
  const std::string text = metrics_.text();
  const auto gauge = [](const char* state) {
    return std::string(R"(arvados_dispatchcloud_queue_entries{instance_type="small",state=")") + state + "\"} 1";
  };
  EXPECT_NE(text.find(gauge("Queued")), std::string::npos) << text;
  EXPECT_NE(text.find(gauge("Locked")), std::string::npos) << text;
}

}  // namespace
}  // namespace berth
