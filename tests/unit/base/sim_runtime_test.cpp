#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "berth/base/blocking.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/task_group.hpp"

#include "sim_test.hpp"

namespace berth {
namespace {
using namespace std::chrono_literals;
using Trace = std::vector<std::string>;

awaitable<void> note_after(Runtime& runtime, Duration delay, std::string text, Trace& trace) {
  co_await runtime.sleep_for(delay);
  trace.push_back(text);
}

TEST(SimRuntime, TimersFireByTimeThenInOrderOfSetting) {
  SimRuntime runtime;
  Trace trace;
  TaskGroup tasks(runtime.executor());
  tasks.spawn(note_after(runtime, 2s, "late", trace));
  for (const char* name : {"a", "b", "c"}) tasks.spawn(note_after(runtime, 1s, name, trace));
  tasks.spawn(note_after(runtime, 0s, "now", trace));
  tasks.spawn(note_after(runtime, -1s, "past", trace));
  runtime.settle();
  EXPECT_EQ(trace, (Trace{"now", "past"}));
  EXPECT_EQ(runtime.pending_timers(), 4u);
  runtime.run_for(1s);
  EXPECT_EQ(trace, (Trace{"now", "past", "a", "b", "c"}));
  runtime.run_for(999ms);
  EXPECT_EQ(trace.size(), 5u);
  runtime.run_for(1ms);
  EXPECT_EQ(trace.back(), "late");
  EXPECT_EQ(tasks.size(), 0u);
}

TEST(SimRuntime, TimeMovesByWhatWasAskedFor) {
  SimRuntime runtime;
  const auto start = runtime.now();
  const auto wall = runtime.wall_now();
  runtime.run_for(90min);
  EXPECT_EQ(runtime.now() - start, 90min);
  EXPECT_EQ(runtime.wall_now() - wall, 90min);
  runtime.step_wall_clock(-2h);
  EXPECT_EQ(runtime.now() - start, 90min);
  EXPECT_EQ(runtime.wall_now() - wall, -30min);
}

TEST(SimRuntime, RunUntilStopsAtTheMomentOrAtTheLimit) {
  SimRuntime runtime;
  Trace trace;
  TaskGroup tasks(runtime.executor());
  const auto start = runtime.now();
  tasks.spawn(note_after(runtime, 3s, "x", trace));
  EXPECT_FALSE(runtime.run_until([&] { return !trace.empty(); }, 2s));
  EXPECT_EQ(runtime.now() - start, 2s);
  EXPECT_TRUE(runtime.run_until([&] { return !trace.empty(); }, 1h));
  EXPECT_EQ(runtime.now() - start, 3s);
}

TEST(SimRuntime, ALoopThatNeverWaitsIsABug) {
  SimRuntime runtime;
  runtime.set_settle_limit(1000);
  std::function<void()> again = [&] { asio::post(runtime.executor(), again); };
  asio::post(runtime.executor(), again);
  EXPECT_THROW(runtime.settle(), std::logic_error);
}

TEST(SimRuntime, ExceptionsLeaveRun) {
  SimRuntime runtime;
  asio::post(runtime.executor(), [] { throw std::runtime_error("bug"); });
  EXPECT_THROW(runtime.run_for(1s), std::runtime_error);
  runtime.run_for(1s);
}

awaitable<void> random_walker(SimRuntime& runtime, int id, Trace& trace) {
  for (;;) {
    co_await runtime.sleep_for(runtime.random_below(10s));
    trace.push_back(std::to_string(id) + "@" + std::to_string(runtime.now().time_since_epoch().count()));
  }
}

Trace history(std::uint64_t seed) {
  SimRuntime runtime(seed);
  Trace trace;
  TaskGroup tasks(runtime.make_strand());
  for (int id = 0; id < 20; ++id) tasks.spawn(random_walker(runtime, id, trace));
  runtime.run_for(5min);
  run_on(runtime, tasks.stop());
  return trace;
}

TEST(SimRuntime, OneSeedOneHistory) {
  const Trace first = history(1);
  EXPECT_GT(first.size(), 1000u);
  EXPECT_EQ(first, history(1));
  EXPECT_NE(first, history(2));
}

TEST(SimRuntime, CancellationLeavesNoTimersAndNoTasks) {
  SimRuntime runtime;
  Trace trace;
  TaskGroup tasks(runtime.make_strand());
  for (int id = 0; id < 50; ++id) tasks.spawn(random_walker(runtime, id, trace));
  runtime.run_for(1min);
  EXPECT_EQ(runtime.pending_timers(), 50u);
  const auto before = runtime.now();
  run_on(runtime, tasks.stop());
  EXPECT_EQ(runtime.now(), before);
  EXPECT_EQ(runtime.pending_timers(), 0u);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST(SimRuntime, DiesQuietlyWithSleepersInIt) {
  Trace trace;
  auto runtime = std::make_unique<SimRuntime>();
  asio::co_spawn(runtime->executor(), note_after(*runtime, 1h, "x", trace), [](std::exception_ptr) {});
  runtime->settle();
  EXPECT_EQ(runtime->pending_timers(), 1u);
  runtime.reset();
  EXPECT_TRUE(trace.empty());
}

TEST(SimRuntime, RandomNumbers) {
  SimRuntime a(7);
  SimRuntime b(7);
  unsigned char x[16];
  unsigned char y[16];
  a.secret_bytes(x, sizeof x);
  b.secret_bytes(y, sizeof y);
  EXPECT_EQ(std::string(std::begin(x), std::end(x)), std::string(std::begin(y), std::end(y)));
  for (int i = 0; i < 100; ++i) {
    const auto d = a.random_below(3ns);
    EXPECT_TRUE(d >= 0ns && d < 3ns);
  }
  EXPECT_EQ(a.random_below(0s), 0s);
  EXPECT_EQ(a.random_below(-1s), 0s);
}

TEST(SimRuntime, SleepingForEverDoesNotOverflow) {
  SimRuntime runtime;
  EXPECT_THROW(run_on(runtime, runtime.sleep_for(Duration::max()), 1h), std::runtime_error);
  EXPECT_EQ(runtime.pending_timers(), 0u);  // run_on cancels what it gives up on
}

struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};

TEST(RunBlocking, ReturnsValues) {
  SimRuntime runtime;
  EXPECT_EQ(run_on(runtime, run_blocking(runtime, [] { return 7; })), 7);
  EXPECT_EQ(run_on(runtime, run_blocking(runtime, [] { return NoDefault(8); })).value, 8);
  bool ran = false;
  run_on(runtime, run_blocking(runtime, [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace berth
