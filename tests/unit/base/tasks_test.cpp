#include <functional>
#include <gtest/gtest.h>
#include <string>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/task_group.hpp"
#include "berth/base/turns.hpp"

#include "sim_test.hpp"

namespace berth {
namespace {
using namespace std::chrono_literals;

bool was_cancelled(SimTask<Result<int>>& task) {
  try {
    task.get();
    return false;
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  }
}

awaitable<Result<int>> answer_after(Runtime& runtime, Duration delay, int value) {
  co_await runtime.sleep_for(delay);
  co_return value;
}
awaitable<Result<int>> refuse_after(Runtime& runtime, Duration delay) {
  co_await runtime.sleep_for(delay);
  co_return fail(ErrorKind::quota, "no");
}
awaitable<Result<int>> throw_after(Runtime& runtime, Duration delay) {
  co_await runtime.sleep_for(delay);
  throw std::logic_error("bug");
}
/// Turns cancellation into a value, as an edge may.
awaitable<Result<int>> value_when_cancelled(Runtime& runtime, Result<int> value) {
  bool aborted = false;
  try {
    co_await runtime.sleep_for(1h);
  } catch (const boost::system::system_error&) {
    aborted = true;
  }
  if (aborted) co_return value;
  co_return 0;
}

TEST(WithDeadline, InTime) {
  SimRuntime runtime;
  EXPECT_EQ(*run_on(runtime, with_deadline(runtime, 2s, answer_after(runtime, 1s, 5))), 5);
  EXPECT_EQ(run_on(runtime, with_deadline(runtime, 2s, refuse_after(runtime, 1s))).error().kind, ErrorKind::quota);
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

TEST(WithDeadline, TooLate) {
  SimRuntime runtime;
  const auto start = runtime.now();
  EXPECT_EQ(run_on(runtime, with_deadline(runtime, 2s, answer_after(runtime, 3s, 5))).error().kind, ErrorKind::timeout);
  EXPECT_EQ(runtime.now() - start, 2s);
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

TEST(WithDeadline, WhatTheOperationMakesOfTheCancellation) {
  SimRuntime runtime;
  const Result<int> failure = fail(ErrorKind::network, "cancelled");
  EXPECT_EQ(run_on(runtime, with_deadline(runtime, 2s, value_when_cancelled(runtime, failure))).error().kind,
            ErrorKind::timeout);
  EXPECT_EQ(*run_on(runtime, with_deadline(runtime, 2s, value_when_cancelled(runtime, 9))), 9);
}

TEST(WithDeadline, ExceptionsAreThrownAtOnce) {
  SimRuntime runtime;
  const auto start = runtime.now();
  EXPECT_THROW(run_on(runtime, with_deadline(runtime, 1min, throw_after(runtime, 1s))), std::logic_error);
  EXPECT_EQ(runtime.now() - start, 1s);
}

TEST(WithDeadline, CancellationStaysCancellation) {
  SimRuntime runtime;
  SimTask<Result<int>> task(runtime, with_deadline(runtime, 1min, answer_after(runtime, 10s, 5)));
  runtime.run_for(1s);
  task.cancel();
  runtime.settle();
  ASSERT_TRUE(task.done());
  EXPECT_TRUE(was_cancelled(task));
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

awaitable<Result<int>> on_strand(Runtime& runtime, asio::any_io_executor strand, Duration delay) {
  const auto here = co_await asio::this_coro::executor;
  auto result = co_await call_on(strand, answer_after(runtime, delay, 3));
  EXPECT_EQ(here, co_await asio::this_coro::executor);
  co_return result;
}

TEST(CallOn, ReturnsThrowsAndIsCancelled) {
  SimRuntime runtime;
  const auto strand = runtime.make_strand();
  EXPECT_EQ(*run_on(runtime, on_strand(runtime, strand, 1s)), 3);
  EXPECT_THROW(run_on(runtime, call_on(strand, throw_after(runtime, 1s))), std::logic_error);
  run_on(runtime, call_on(strand, runtime.sleep_for(1s)));

  SimTask<Result<int>> task(runtime, runtime.make_strand(), on_strand(runtime, strand, 1h));
  runtime.settle();
  EXPECT_EQ(runtime.pending_timers(), 1u);
  task.cancel();
  runtime.settle();
  ASSERT_TRUE(task.done());
  EXPECT_TRUE(was_cancelled(task));
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

awaitable<Result<int>> two_calls(Runtime& runtime, asio::any_io_executor strand) {
  (void)co_await call_on(strand, answer_after(runtime, 1s, 1));
  co_await runtime.sleep_for(1s);  // takes over the slot in which call_on left its handler
  co_return co_await call_on(strand, answer_after(runtime, 1h, 2));
}

TEST(CallOn, EachCallInARowIsCancellable) {
  for (const Duration when : {500ms, 1500ms, 2500ms}) {
    SimRuntime runtime;
    SimTask<Result<int>> task(runtime, two_calls(runtime, runtime.make_strand()));
    runtime.run_for(when);
    task.cancel();
    runtime.settle();
    ASSERT_TRUE(task.done());
    EXPECT_TRUE(was_cancelled(task));
  }
}

awaitable<void> sleeper(Runtime& runtime) {
  co_await runtime.sleep_for(24h);
}
awaitable<void> thrower() {
  throw std::logic_error("bug");
  co_return;
}
awaitable<void> two_at_once(Runtime& runtime) {
  using namespace asio::experimental::awaitable_operators;
  co_await (runtime.sleep_for(1h) || runtime.sleep_for(2h));
}
/// Needs a second for its clean-up, and cannot be hurried.
awaitable<void> slow_to_stop(Runtime& runtime, bool& cleaned) {
  bool aborted = false;
  try {
    co_await runtime.sleep_for(24h);
  } catch (const boost::system::system_error&) {
    aborted = true;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await runtime.sleep_for(1s);
  cleaned = aborted;
}

TEST(TaskGroup, StopsAndWaitsForAll) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  bool cleaned = false;
  tasks.spawn(sleeper(runtime));
  tasks.spawn(slow_to_stop(runtime, cleaned));
  tasks.spawn(two_at_once(runtime));  // cancellation comes out as multiple_exceptions
  runtime.settle();
  EXPECT_EQ(tasks.size(), 3u);
  const auto start = runtime.now();
  run_on(runtime, tasks.stop());
  EXPECT_TRUE(cleaned);
  EXPECT_EQ(runtime.now() - start, 1s);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST(TaskGroup, StopsTasksThatHaveNotBegun) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  tasks.spawn(sleeper(runtime));
  run_on(runtime, tasks.stop());
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

TEST(TaskGroup, StopMayBeCalledSeveralTimes) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  bool cleaned = false;
  tasks.spawn(slow_to_stop(runtime, cleaned));
  runtime.settle();
  SimTask<void> first(runtime, tasks.stop());
  SimTask<void> second(runtime, tasks.stop());
  runtime.settle();
  EXPECT_FALSE(first.done());
  EXPECT_FALSE(second.done());
  runtime.run_for(1s);
  EXPECT_TRUE(first.done());
  EXPECT_TRUE(second.done());
  run_on(runtime, tasks.stop());
  tasks.spawn(sleeper(runtime));
  runtime.settle();
  EXPECT_EQ(tasks.size(), 0u);
}

TEST(TaskGroup, StoppingGoesOnWhenWhoeverAskedIsCancelled) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  bool cleaned = false;
  tasks.spawn(slow_to_stop(runtime, cleaned));
  runtime.settle();
  SimTask<void> stop(runtime, tasks.stop());
  runtime.settle();
  stop.cancel();
  runtime.run_for(1s);
  EXPECT_TRUE(stop.done());
  EXPECT_TRUE(cleaned);
}

TEST(TaskGroup, ExceptionsLeaveTheLoop) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  tasks.spawn(thrower());
  EXPECT_THROW(runtime.settle(), std::logic_error);
  EXPECT_EQ(tasks.size(), 0u);
}

awaitable<void> long_work(std::string& trace) {
  Turns turns(3);
  for (int step = 0; step < 7; ++step) {
    trace += 'w';
    co_await turns.next();
  }
}

TEST(Turns, OthersHaveTheStrandAfterSoManySteps) {
  SimRuntime runtime;
  TaskGroup tasks(runtime.make_strand());
  std::string trace;
  std::function<void()> other = [&] {
    trace += 'o';
    if (trace.size() < 12) asio::post(tasks.executor(), other);
  };
  asio::post(tasks.executor(), [&] {
    tasks.spawn(long_work(trace));
    other();
  });
  runtime.settle();
  EXPECT_EQ(trace.substr(0, 9), "wwwowwwow") << "three steps, then the other, at each turn";
}

}  // namespace
}  // namespace berth
