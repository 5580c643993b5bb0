#include "queue_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const auto uuid = FakeContainerApi::uuid;

class LocalChanges : public QueueTest {};

TEST_F(LocalChanges, FollowTheAnswers) {
  api_.add(1, 5);
  start_and_load(1);
  EXPECT_TRUE(lock(1));
  EXPECT_EQ(seen(1), "Locked 5");
  EXPECT_EQ(entry(1)->container.locked_by_uuid, api_.token_uuid);
  const auto again = lock(1);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(seen(1), "Locked 5");
  EXPECT_TRUE(unlock(1));
  EXPECT_EQ(seen(1), "Queued 5");
  EXPECT_EQ(entry(1)->container.locked_by_uuid, "");
  EXPECT_FALSE(unlock(1));
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(seen(1), "Cancelled 5");
  EXPECT_FALSE(lock(1));
}

TEST_F(LocalChanges, WhatCannotBeLockedIsLookedAtAgain) {
  api_.add(1);
  start_and_load(1);
  api_.at(1).state = ContainerState::locked;  // and nothing has told of it
  api_.at(1).locked_by_uuid = api_.token_uuid;
  EXPECT_FALSE(lock(1));
  EXPECT_EQ(seen(1), "Queued 1");
  runtime_.run_for(100ms);
  EXPECT_EQ(seen(1), "Locked 1") << "before the next poll";
}

TEST_F(LocalChanges, ACancelSaysWhy) {
  for (int i = 1; i <= 5; ++i) api_.add(i);
  start_and_load(5);
  for (const int i : {1, 2, 4, 5}) EXPECT_TRUE(lock(i));
  EXPECT_TRUE(api_.runner_sets(uuid(2), ContainerState::running));
  run_next_poll();
  const auto reason = [&](int i) { return api_.records.at(uuid(i)).runtime_error; };
  const auto explain = [&](int i) { return run_on(runtime_, queue_->explain(uuid(i), "killed")); };
  EXPECT_FALSE(explain(3)) << "Queued: the API would refuse it";
  EXPECT_FALSE(explain(6));
  EXPECT_TRUE(explain(4));
  for (int i = 1; i <= 4; ++i) EXPECT_TRUE(cancel(i)) << i;
  EXPECT_EQ(reason(1), "lost");
  EXPECT_EQ(reason(2), "lost");
  EXPECT_EQ(reason(3), "");
  EXPECT_EQ(reason(4), "killed") << "the operator's words are kept";
  api_.intercept = [](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "error") return Error{ErrorKind::denied, "no"};
    return std::nullopt;
  };
  EXPECT_TRUE(cancel(5));
  EXPECT_EQ(seen(5), "Cancelled 1") << "even without the words";
}

/// The queue's view may be some seconds old.
TEST_F(LocalChanges, WhatHasEndedMeanwhileIsNotCancelled) {
  for (int i = 1; i <= 3; ++i) api_.add(i);
  start_and_load(3);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(lock(i));
    EXPECT_TRUE(api_.runner_sets(uuid(i), ContainerState::running));
  }
  run_next_poll();
  EXPECT_TRUE(run_on(runtime_, queue_->explain(uuid(2), "killed")));
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(api_.runner_sets(uuid(i), ContainerState::complete));
  const auto expect_kept = [&](int i) {
    const auto cancelled = cancel(i);
    ASSERT_FALSE(cancelled) << i;
    EXPECT_EQ(cancelled.error().kind, ErrorKind::conflict) << i;
    EXPECT_EQ(api_.at(i).state, ContainerState::complete) << i;
  };
  expect_kept(1);
  expect_kept(2);
  api_.intercept = [](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "error") return Error{ErrorKind::server_error, "no"};
    return std::nullopt;
  };
  expect_kept(3);
  EXPECT_EQ(api_.count("cancel"), 0U);
}

/// A slow answer is no better than no answer.
TEST_F(LocalChanges, WhatEndsDuringASlowAnswerIsNotCancelled) {
  api_.add(1);
  start_and_load(1);
  EXPECT_TRUE(lock(1));
  EXPECT_TRUE(api_.runner_sets(uuid(1), ContainerState::running));
  run_next_poll();
  api_.after_call = [&](const FakeCall& call) {
    api_.latency = call.verb == "error" ? 20s : 10ms;
    if (call.verb == "error") EXPECT_TRUE(api_.runner_sets(uuid(1), ContainerState::complete));
  };
  const auto cancelled = cancel(1);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, ErrorKind::conflict);
  EXPECT_EQ(api_.at(1).state, ContainerState::complete);
  EXPECT_EQ(api_.count("state"), 1U);
}

TEST_F(LocalChanges, WhatIsFoundAgainWhileTheApiIsAskedIsNotCancelled) {
  api_.add(1);
  start_and_load(1);
  EXPECT_TRUE(lock(1));
  const auto still = [&] { return api_.count("error") == 0; };
  const auto cancelled = run_on(runtime_, queue_->cancel(uuid(1), "lost", still));
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, ErrorKind::conflict);
  EXPECT_EQ(api_.count("cancel"), 0U);
  EXPECT_TRUE(cancel(1)) << "nor is it held up";
}

TEST_F(LocalChanges, AnApiThatIsAlwaysSlowIsBelievedInTheEnd) {
  api_.add(1);
  start_and_load(1);
  EXPECT_TRUE(lock(1));
  api_.latency = 3s;
  EXPECT_TRUE(cancel(1));
  EXPECT_EQ(api_.count("state"), 4U);
  EXPECT_EQ(api_.at(1).state, ContainerState::cancelled);
}

TEST_F(LocalChanges, TheLastUnlockMayCancel) {
  api_.add(1);
  api_.max_dispatch_attempts = 1;
  start_and_load(1);
  EXPECT_TRUE(lock(1));
  EXPECT_TRUE(unlock(1));
  EXPECT_EQ(seen(1), "Cancelled 1");
}

TEST_F(LocalChanges, OneAtATimePerContainer) {
  api_.add(1);
  api_.add(2);
  start_and_load(2);
  SimTask<Result<void>> first(runtime_, queue_->lock(uuid(1)));
  SimTask<Result<void>> second(runtime_, queue_->cancel(uuid(1), "lost", [] { return true; }));
  SimTask<Result<void>> other(runtime_, queue_->lock(uuid(2)));
  runtime_.settle();
  ASSERT_TRUE(second.done()) << "refused at once";
  EXPECT_EQ(second.get().error().kind, ErrorKind::conflict);
  runtime_.run_for(1s);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(other.get());
  EXPECT_EQ(api_.count("cancel"), 0);
  EXPECT_TRUE(cancel(1));
}

TEST_F(LocalChanges, ACancelledCallerFreesTheContainer) {
  api_.add(1);
  start_and_load(1);
  {
    SimTask<Result<void>> call(runtime_, queue_->lock(uuid(1)));
    runtime_.settle();
  }
  EXPECT_TRUE(lock(1));
}

TEST_F(LocalChanges, OfUnknownContainersChangeNothingHere) {
  start_and_load(0);
  api_.add(1);
  EXPECT_TRUE(lock(1));
  EXPECT_EQ(seen(1), "-");
  const auto gone = lock(2);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
}

TEST_F(LocalChanges, ForgetDropsOnlyWhatIsOver) {
  for (int i = 1; i <= 5; ++i) api_.add(i);
  start_and_load(5);
  EXPECT_TRUE(lock(2));
  EXPECT_TRUE(cancel(3));
  EXPECT_TRUE(lock(5));
  api_.user_sets_priority(uuid(4), 0);
  EXPECT_TRUE(api_.runner_sets(uuid(5), ContainerState::running));
  run_next_poll();
  EXPECT_EQ(seen(4), "Queued 0");
  EXPECT_EQ(seen(5), "Running 1");
  for (int i = 0; i <= 5; ++i) queue_->forget(uuid(i));
  runtime_.settle();
  EXPECT_EQ(seen(1), "Queued 1");
  EXPECT_EQ(seen(2), "Locked 1");
  EXPECT_EQ(seen(3), "-");
  EXPECT_EQ(seen(4), "-");
  EXPECT_EQ(seen(5), "Running 1");
  EXPECT_TRUE(api_.runner_sets(uuid(5), ContainerState::complete));
  run_next_poll();
  EXPECT_EQ(seen(5), "Complete 1");
  queue_->forget(uuid(5));
  runtime_.settle();
  EXPECT_EQ(seen(5), "-");
}

}  // namespace
}  // namespace berth
