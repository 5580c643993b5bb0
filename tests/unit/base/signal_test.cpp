#include "berth/base/signal.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include <boost/asio/post.hpp>

#include "berth/base/task_group.hpp"

#include "sim_test.hpp"

namespace berth {
namespace {
using namespace std::chrono_literals;

awaitable<void> count_wakes(Subscription subscription, int& count) {
  for (;;) {
    co_await subscription.wait();
    ++count;
  }
}

TEST(Signal, RaisesCoalesce) {
  SimRuntime runtime;
  Signal signal;
  TaskGroup tasks(runtime.make_strand());
  int count = 0;
  tasks.spawn(count_wakes(signal.subscribe(), count));
  runtime.settle();
  EXPECT_EQ(count, 0);
  for (int i = 0; i < 5; ++i) signal.notify();
  runtime.settle();
  EXPECT_EQ(count, 1);
  signal.notify();
  runtime.settle();
  EXPECT_EQ(count, 2);
  run_on(runtime, tasks.stop());
}

TEST(Signal, ARaiseBeforeTheWaitCounts) {
  SimRuntime runtime;
  Signal signal;
  auto subscription = signal.subscribe();
  signal.notify();
  run_on(runtime, subscription.wait());
  SimTask<void> second(runtime, subscription.wait());
  runtime.settle();
  EXPECT_FALSE(second.done());
}

TEST(Signal, EverySubscriberIsWoken) {
  SimRuntime runtime;
  Signal signal;
  TaskGroup tasks(runtime.executor());
  int counts[3] = {};
  for (int& count : counts) tasks.spawn(count_wakes(signal.subscribe(), count));
  { auto dropped = signal.subscribe(); }
  runtime.settle();
  signal.notify();
  runtime.settle();
  for (const int count : counts) EXPECT_EQ(count, 1);
  run_on(runtime, tasks.stop());
}

TEST(Signal, WakeConcernsOneSubscriber) {
  SimRuntime runtime;
  Signal signal;
  auto mine = signal.subscribe();
  auto other = signal.subscribe();
  mine.wake();
  run_on(runtime, mine.wait());
  SimTask<void> task(runtime, other.wait());
  runtime.settle();
  EXPECT_FALSE(task.done());
}

TEST(Signal, WaitUntil) {
  SimRuntime runtime;
  Signal signal;
  auto subscription = signal.subscribe();
  const auto start = runtime.now();
  EXPECT_FALSE(run_on(runtime, subscription.wait_until(runtime, start + 5s)));
  EXPECT_EQ(runtime.now() - start, 5s);
  SimTask<bool> task(runtime, subscription.wait_until(runtime, runtime.now() + 1h));
  runtime.run_for(1s);
  signal.notify();
  runtime.settle();
  EXPECT_TRUE(task.get());
  EXPECT_EQ(runtime.pending_timers(), 0u);
  signal.notify();
  EXPECT_TRUE(run_on(runtime, subscription.wait_until(runtime, start)));
}

TEST(Signal, ACancelledWaitDoesNotLoseARaise) {
  SimRuntime runtime;
  Signal signal;
  auto subscription = signal.subscribe();
  SimTask<void> task(runtime, subscription.wait());
  runtime.settle();
  asio::post(runtime.executor(), [&] {
    task.cancel();
    signal.notify();
  });
  runtime.settle();
  EXPECT_THROW(task.get(), boost::system::system_error);
  EXPECT_TRUE(run_on(runtime, subscription.wait_until(runtime, runtime.now() + 1h)));
}

TEST(Signal, WaitUntilIsCancellable) {
  SimRuntime runtime;
  Signal signal;
  auto subscription = signal.subscribe();
  SimTask<bool> task(runtime, subscription.wait_until(runtime, runtime.now() + 1h));
  runtime.settle();
  task.cancel();
  runtime.settle();
  EXPECT_THROW(task.get(), boost::system::system_error);
  EXPECT_EQ(runtime.pending_timers(), 0u);
}

TEST(Signal, SubscriptionOutlivesIt) {
  SimRuntime runtime;
  auto signal = std::make_unique<Signal>();
  auto subscription = signal->subscribe();
  signal->notify();
  signal.reset();
  run_on(runtime, subscription.wait());
}

awaitable<void> wait_for_total(Subscription subscription, std::atomic<int>& total, int wanted, RealRuntime& runtime) {
  while (total < wanted) co_await subscription.wait();
  runtime.stop();
}

TEST(Signal, RaisedByOtherThreads) {
  constexpr int threads = 4;
  constexpr int raises = 2000;
  RealRuntime runtime(2);
  Signal signal;
  std::atomic<int> total = 0;
  asio::co_spawn(runtime.make_strand(), wait_for_total(signal.subscribe(), total, threads * raises, runtime),
                 [](std::exception_ptr) {});
  std::vector<std::jthread> raisers;
  for (int t = 0; t < threads; ++t) {
    raisers.emplace_back([&] {
      for (int i = 0; i < raises; ++i) {
        ++total;
        signal.notify();
      }
    });
  }
  runtime.run();  // hangs if the last raise is lost
  EXPECT_EQ(total, threads * raises);
}

}  // namespace
}  // namespace berth
