// What the queue is told of is fetched at once, and nothing else.
#include "news_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using enum ContainerState;

const auto uuid = FakeContainerApi::uuid;

using News = NewsTest;

TEST_F(News, ANewContainerCostsOneRequest) {
  begin(5);
  api_.add(7, 9);
  tell(7, queued);
  runtime_.run_for(20ms);
  EXPECT_EQ(seen(7), "Queued 9");
  EXPECT_EQ(entry(7)->instance_types(), std::vector<std::string>{"small"});
  ASSERT_EQ(api_.calls.size(), 1) << "its record and its mounts";
  EXPECT_EQ(api_.calls[0].list_kind(), "mounts");
  tell(7, queued);
  runtime_.run_for(1s);
  EXPECT_EQ(api_.calls.size(), 1) << "nothing new";
}

TEST_F(News, InTheGoodCaseAContainerCostsOneLockAndThreeShares) {
  begin(5);
  api_.add(7, 9);
  tell(7, queued);
  runtime_.run_for(20ms);
  EXPECT_TRUE(lock(7));
  tell(7, locked);
  runtime_.run_for(1s);
  EXPECT_EQ(api_.calls.size(), 2) << "known when it is locked, and started, is all that is needed";
  for (const ContainerState state : {running, complete}) {
    ASSERT_TRUE(api_.runner_sets(uuid(7), state));
    tell(7, state);
    runtime_.run_for(1s);
  }
  queue_->tell_end(uuid(7));
  runtime_.run_for(1s);
  EXPECT_EQ(seen(7), "Complete 9");
  EXPECT_EQ(api_.count("lock"), 1);
  EXPECT_EQ(api_.count_lists("mounts"), 1);
  EXPECT_EQ(api_.count_lists("fetch"), 2) << "Running, and Complete";
  EXPECT_EQ(api_.calls.size(), 4);
}

TEST_F(News, TheEndOfAProcessHasItsRecordFetched) {
  begin(5);
  for (int i : {1, 2, 3}) {
    EXPECT_TRUE(lock(i));
    ASSERT_TRUE(api_.runner_sets(uuid(i), running));
    tell(i, running);
  }
  runtime_.run_for(1s);
  api_.calls.clear();
  ASSERT_TRUE(api_.runner_sets(uuid(1), complete));
  ASSERT_TRUE(api_.runner_sets(uuid(2), cancelled));
  for (int i : {1, 2, 3}) queue_->tell_end(uuid(i));
  runtime_.run_for(20ms);
  EXPECT_EQ(seen(1) + ", " + seen(2), "Complete 2, Cancelled 3");
  EXPECT_EQ(seen(3), "Running 4") << "it did not say how it ended; the rest is the scheduler's";
  EXPECT_EQ(api_.calls.size(), 1) << "all in one request";
  queue_->tell_end(uuid(1));
  queue_->tell_end(uuid(777));
  runtime_.run_for(1s);
  EXPECT_EQ(api_.calls.size(), 1) << "nothing to ask about";
  EXPECT_TRUE(metric_is(R"(berth_queue_news_total{outcome="known"} 2)")) << metrics_.text();
}

/// By the event bus and by the worker, whichever is faster.
TEST_F(News, AnEndThatIsToldTwiceIsFetchedOnce) {
  begin(10);
  const auto by_bus = [&](int i) { tell(i, complete); };
  const auto by_worker = [&](int i) { queue_->tell_end(uuid(i)); };
  int i = 0;
  for (const Duration apart : {0ms, 1ms, 7ms, 50ms})  // within the batch, while its request is under way, afterwards
    for (const bool worker_first : {false, true}) {
      EXPECT_TRUE(lock(i));
      ASSERT_TRUE(api_.runner_sets(uuid(i), running));
      tell(i, running);
      runtime_.run_for(1s);
      ASSERT_TRUE(api_.runner_sets(uuid(i), complete));
      api_.calls.clear();
      worker_first ? by_worker(i) : by_bus(i);
      runtime_.run_for(apart);
      worker_first ? by_bus(i) : by_worker(i);
      runtime_.run_for(1s);
      EXPECT_EQ(seen(i), "Complete " + std::to_string(i + 1));
      EXPECT_EQ(api_.calls.size(), 1) << i;
      ++i;
    }
}

TEST_F(News, AnEndIsAskedAboutAgainAfterAFailure) {
  begin(3);
  EXPECT_TRUE(lock(1));
  ASSERT_TRUE(api_.runner_sets(uuid(1), running));
  ASSERT_TRUE(api_.runner_sets(uuid(1), complete));
  bool refused = false;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() != "fetch" || std::exchange(refused, true)) return std::nullopt;
    tell(1, locked);  // old news, which do not outdo the end
    return Error{ErrorKind::network, "connection reset"};
  };
  queue_->tell_end(uuid(1));
  runtime_.run_for(1500ms);
  EXPECT_EQ(seen(1), "Complete 2");
}

TEST_F(News, WhatComesTogetherIsFetchedTogether) {
  begin(100);
  for (int i = 0; i < 100; ++i) {
    api_.user_cancels(uuid(i));
    tell(i, cancelled);
    api_.add(1000 + i, 5);
    tell(1000 + i, queued);
  }
  runtime_.run_for(100ms);
  EXPECT_EQ(seen(99), "Cancelled 100");
  EXPECT_EQ(seen(1099), "Queued 5");
  EXPECT_EQ(api_.count_lists("fetch"), 1);
  EXPECT_EQ(api_.count_lists("mounts"), 2) << "50 each";
  EXPECT_EQ(api_.calls.size(), 3);
  EXPECT_TRUE(metric_is(R"(berth_queue_news_total{outcome="fetched"} 200)")) << metrics_.text();
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 200"));
}

TEST_F(News, WhatComesWithinAMillisecondIsFetchedTogether) {
  begin(3);
  for (const int i : {1, 2}) {
    api_.user_cancels(uuid(i));
    tell(i, cancelled);
    runtime_.run_for(1ms);
  }
  runtime_.run_for(20ms);
  EXPECT_EQ(seen(1) + ", " + seen(2), "Cancelled 2, Cancelled 3");
  EXPECT_EQ(api_.count_lists("fetch"), 1);
}

/// Also if a change of it is under way here meanwhile; what is known already is not counted.
TEST_F(News, ItsTimeIsThatUntilItIsFetched) {
  begin(3);
  api_.latency = 400ms;
  const auto sum_is = [&](const std::string& begin) {
    return metrics_.text().find("\nberth_queue_news_seconds_sum " + begin) != std::string::npos;
  };
  api_.add(7, 5);
  tell(7, queued);
  tell(1, queued);  // known
  runtime_.run_for(300ms);
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 0"));
  runtime_.run_for(300ms);
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 1"));
  EXPECT_TRUE(sum_is("0.402")) << metrics_.text();
  SimTask<Result<void>> locking(runtime_, queue_->lock(uuid(1)));
  runtime_.run_for(10ms);
  tell(1, locked);
  runtime_.run_for(1s);
  EXPECT_TRUE(locking.get());
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 1")) << "our own lock";
  api_.user_cancels(uuid(1));
  tell(1, cancelled);
  runtime_.run_for(1s);
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 2"));
  EXPECT_TRUE(sum_is("0.804"));
  api_.user_sets_priority(uuid(2), 9);
  queue_->tell({api_.records.at(uuid(2)).request, {}});
  runtime_.run_for(2s);
  EXPECT_TRUE(metric_is("berth_queue_news_seconds_count 3"));
  EXPECT_TRUE(sum_is("1.606")) << "a request, and its container";
}

TEST_F(News, OurOwnChangesAreNoNews) {
  begin(3);
  EXPECT_TRUE(lock(1));
  api_.calls.clear();
  tell(1, locked);
  tell(2000, complete);
  runtime_.run_for(1s);
  EXPECT_EQ(api_.calls.size(), 0);
  EXPECT_TRUE(metric_is(R"(berth_queue_news_total{outcome="known"} 2)"));
}

TEST_F(News, OurOwnChangeUnderWayIsLookedAtAfterwards) {
  begin(3);
  api_.latency = 200ms;
  SimTask<Result<void>> locking(runtime_, queue_->lock(uuid(1)));
  runtime_.run_for(150ms);
  tell(1, locked);
  runtime_.run_for(20ms);
  EXPECT_EQ(api_.calls.size(), 1) << "the lock";
  runtime_.run_for(500ms);
  EXPECT_TRUE(locking.get());
  EXPECT_EQ(seen(1), "Locked 2");
  EXPECT_EQ(api_.calls.size(), 1);
}

TEST_F(News, ACancelThatOvertakesALockIsSeen) {
  begin(3);
  api_.latency = 100ms;
  SimTask<Result<void>> locking(runtime_, queue_->lock(uuid(1)));
  runtime_.run_for(10ms);
  api_.user_cancels(uuid(1));
  tell(1, cancelled);
  runtime_.run_for(400ms);
  EXPECT_FALSE(locking.get());
  EXPECT_EQ(seen(1), "Cancelled 2");
}

TEST_F(News, StatesComeFromTheApiAlone) {
  begin(3);
  EXPECT_TRUE(lock(1));
  tell(0, cancelled);
  tell(1, complete);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(0), "Queued 1");
  EXPECT_EQ(seen(1), "Locked 2");
  api_.records.erase(uuid(2));
  tell(2);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(2), "-");
}

TEST_F(News, ARunningContainerKeepsItsHolder) {
  begin(2);
  EXPECT_TRUE(lock(1));
  EXPECT_TRUE(api_.runner_sets(uuid(1), running));
  tell(1, running);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(1), "Running 2");
  EXPECT_EQ(entry(1)->container.locked_by_uuid, api_.token_uuid);
}

TEST_F(News, WhatAnotherDispatcherLockedIsNotOurs) {
  begin(2);
  api_.at(1).state = locked;
  api_.at(1).locked_by_uuid = "zzzzz-gj3su-somebodyelse000";
  tell(1, locked);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(1), "-");
}

TEST_F(News, ARequestTellsOfItsContainer) {
  begin(3);
  api_.user_sets_priority(uuid(1), 77);
  queue_->tell({api_.records.at(uuid(1)).request, {}});
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(1), "Queued 77");
  EXPECT_EQ(api_.count_lists("requests"), 1);
  EXPECT_EQ(api_.count_lists("fetch"), 1);
  EXPECT_EQ(api_.calls.size(), 2);
}

TEST_F(News, ANewRequestAndItsContainerCostTwoRequests) {
  begin(3);
  api_.add(7, 5);
  api_.user_sets_priority(uuid(7), 5);
  queue_->tell({api_.records.at(uuid(7)).request, {}});
  tell(7, queued);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(7), "Queued 5");
  EXPECT_EQ(api_.calls.size(), 2);
}

TEST_F(News, ATailMemberThatNoLongerWaitsIsShownSo) {
  for (int i = 0; i < 2500; ++i) api_.add(i, i + 1);
  start_and_load(2500);
  runtime_.run_for(1min);
  api_.user_cancels(uuid(1));
  tell(1, cancelled);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(1), "Cancelled 2");
  api_.add(5000, 1);
  tell(5000, queued);
  runtime_.run_for(50ms);
  api_.calls.clear();
  run_next_poll();
  EXPECT_EQ(seen(5000), "Queued 1");
  EXPECT_EQ(api_.count_lists("missing"), 0) << "the newcomer is in the tail";
}

TEST_F(News, ALookThatFailsIsRepeated) {
  begin(3);
  api_.user_cancels(uuid(1));
  int refused = 0;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() != "fetch" || refused == 2) return std::nullopt;
    ++refused;
    return Error{ErrorKind::network, "connection reset"};
  };
  tell(1, cancelled);
  runtime_.run_for(3s);
  EXPECT_EQ(seen(1), "Cancelled 2");
  EXPECT_EQ(api_.count_lists("fetch"), 3);
}

TEST_F(News, AFloodIsBoundedAndMakesAPoll) {
  begin(3);
  for (int i = 0; i < 25'000; ++i) queue_->tell({uuid(100'000 + i), queued});
  api_.user_sets_priority(uuid(1), 77);
  runtime_.run_for(1s);
  EXPECT_EQ(seen(1), "Queued 77");
  EXPECT_EQ(api_.count_lists("held"), 1);
  EXPECT_EQ(api_.count_lists("mounts"), 0);
  EXPECT_TRUE(metric_is("berth_queue_news_overflows_total 1"));
  api_.add(7, 5);
  tell(7, queued);
  runtime_.run_for(50ms);
  EXPECT_EQ(seen(7), "Queued 5") << "and then it goes on";
}

TEST_F(News, AMalformedNewcomerIsCancelledAndTheOthersAreNot) {
  begin(1);
  api_.add(7, 5);
  api_.records.at(uuid(7)).malformed_mounts = true;
  api_.add(8, 5);
  tell(7, queued);
  tell(8, queued);
  runtime_.run_for(1s);
  EXPECT_EQ(seen(8), "Queued 5");
  EXPECT_EQ(api_.at(7).state, cancelled);
}

}  // namespace
}  // namespace berth
