#include "queue_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const auto uuid = FakeContainerApi::uuid;

/// Priorities rise with the number: the window is the last 1000.
class WindowAndTail : public QueueTest {
 protected:
  void load(int containers) {
    for (int i = 0; i < containers; ++i) api_.add(i, i + 1);
    start_and_load(static_cast<std::size_t>(containers));
    run_next_poll();
  }
  // A sweep of 5000 takes six pages, one a second.
  void run_sweeps() { runtime_.run_for(15s); }
};

TEST_F(WindowAndTail, TheWindowStopsAfterThePageWithEnoughNonSupervisors) {
  options_.page_size = 50;
  for (int i = 0; i < 300; ++i) api_.add(i, i + 1).scheduling_parameters.supervisor = i >= 260;
  start();
  ASSERT_TRUE(runtime_.run_until([&] { return updated().has_value(); }, 1min));
  EXPECT_EQ(api_.count_lists("window"), 3) << "40 supervisors and 110 others";
}

TEST_F(WindowAndTail, ARowThatANewcomerPushesOntoTheNextPageDoesNotFailThePoll) {
  for (int i = 0; i < 5; ++i) api_.add(i, i + 1);
  int newcomers = 0;
  api_.after_call = [&](const FakeCall& call) {
    if (call.verb != "list" || call.list_kind() != "window" || newcomers == 50) return;
    api_.add(100 + newcomers, 1'000'000 + newcomers);
    ++newcomers;
  };
  start();
  ASSERT_TRUE(runtime_.run_until([&] { return updated().has_value(); }, 10s)) << "the first poll goes through";
  runtime_.run_for(1s);  // first sights are in the background
  EXPECT_GE(queue_->snapshot()->entries.size(), 5U);
}

TEST_F(WindowAndTail, FiveThousandAreAllKnownWithFewRequests) {
  load(5000);
  run_sweeps();
  EXPECT_EQ(queue_->snapshot()->entries.size(), 5000);
  api_.calls.clear();
  const SteadyTime begin = runtime_.now();
  runtime_.run_for(60s);
  EXPECT_EQ(api_.count_lists("missing"), 0);
  EXPECT_EQ(api_.count_lists("mounts"), 0);
  EXPECT_LE(api_.count_lists("window"), 7) << "one page a poll";
  EXPECT_GE(api_.count_lists("tail"), 50);
  EXPECT_LE(api_.count_lists("tail"), 61) << "at most one page a second";
  EXPECT_EQ(runtime_.now() - begin, 60s);
}

TEST_F(WindowAndTail, AChangeInTheTailIsSeenWithinASweep) {
  load(5000);
  run_sweeps();
  api_.intercept = [](const FakeCall& call) -> std::optional<Error> {  // nothing but the sweep tells
    if (call.verb == "modified") return Error{ErrorKind::timeout, "no answer within the deadline"};
    return std::nullopt;
  };
  const QueueEntry before = *entry(7);
  api_.changes_silently(uuid(7), 77);
  api_.user_cancels(uuid(8));
  api_.changes_silently(uuid(9), 0);
  api_.at(10).state = ContainerState::locked;
  api_.at(10).locked_by_uuid = "zzzzz-gj3su-somebodyelse000";
  api_.records.erase(uuid(11));
  api_.call_deadline = 0ms;
  run_sweeps();
  EXPECT_EQ(seen(7), "Queued 77");
  EXPECT_EQ(entry(7)->first_seen, before.first_seen);
  for (int i = 8; i <= 11; ++i) EXPECT_EQ(seen(i), "-") << i;
  EXPECT_EQ(queue_->snapshot()->entries.size(), 4996);
}

TEST_F(WindowAndTail, AContainerRaisedIntoTheWindowIsSeenByTheNextPoll) {
  load(5000);
  run_sweeps();
  api_.user_sets_priority(uuid(3), 1'000'000);
  run_next_poll();
  EXPECT_EQ(seen(3), "Queued 1000000");
  run_sweeps();
  EXPECT_EQ(queue_->snapshot()->entries.size(), 5000) << "the one that fell out of the window is in the tail";
}

TEST_F(WindowAndTail, WhatLeavesTheWindowIsAskedForOnce) {
  load(2500);
  run_sweeps();
  api_.calls.clear();
  for (int i = 0; i < 40; ++i) api_.add(10'000 + i, 1'000'000);
  run_next_poll();
  EXPECT_EQ(api_.count_lists("missing"), 2);
  run_next_poll();
  EXPECT_EQ(api_.count_lists("missing"), 2);
  EXPECT_EQ(queue_->snapshot()->entries.size(), 2540);
}

TEST_F(WindowAndTail, ALockedOneOfTheTailIsOurs) {
  load(3000);
  run_sweeps();
  EXPECT_TRUE(lock(5));
  run_sweeps();
  EXPECT_EQ(seen(5), "Locked 6");
  EXPECT_TRUE(unlock(5));
  EXPECT_EQ(seen(5), "Queued 6");
  run_sweeps();
  EXPECT_EQ(seen(5), "Queued 6");
}

TEST_F(WindowAndTail, ALockWhoseAnswerWasLostComesBack) {
  load(3000);
  run_sweeps();
  api_.add_locked(5);
  run_sweeps();
  EXPECT_EQ(seen(5), "Locked 1");
}

TEST_F(WindowAndTail, WhenTheWindowHoldsAllTheSweepRests) {
  load(1500);
  run_sweeps();
  for (int i = 0; i < 1450; ++i) api_.user_cancels(uuid(i));
  run_next_poll();
  run_next_poll();
  EXPECT_EQ(queue_->snapshot()->entries.size(), 50);
  runtime_.run_for(2s);
  api_.calls.clear();
  runtime_.run_for(60s);
  EXPECT_EQ(api_.count_lists("tail"), 0);
}

TEST_F(WindowAndTail, ServerMayCutPagesShort) {
  api_.max_page = 130;
  load(1000);
  runtime_.run_for(30s);
  EXPECT_EQ(queue_->snapshot()->entries.size(), 1000);
  api_.calls.clear();
  run_sweeps();
  EXPECT_EQ(queue_->snapshot()->entries.size(), 1000);
  EXPECT_EQ(api_.count_lists("missing"), 0);
}

TEST_F(WindowAndTail, AFailingSweepHoldsUpNoPoll) {
  load(3000);
  api_.intercept = [](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() == "tail") return Error{ErrorKind::type_mismatch, "items[3]: bad"};
    return std::nullopt;
  };
  runtime_.run_for(60s);
  EXPECT_GT(*updated(), runtime_.now() - 11s);
  EXPECT_EQ(queue_->snapshot()->entries.size(), 3000);
}

}  // namespace
}  // namespace berth
