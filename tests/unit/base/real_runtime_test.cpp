#include <atomic>
#include <ctime>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mutex>
#include <sched.h>
#include <set>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "berth/base/blocking.hpp"
#include "berth/base/boot_clock.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/handler_times.hpp"
#include "berth/base/task_group.hpp"

#include "sim_test.hpp"

namespace berth {
namespace {
using namespace std::chrono_literals;

void spawn(asio::any_io_executor executor, awaitable<void> task) {
  asio::co_spawn(executor, std::move(task), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
}

awaitable<void> sleep_a_little(Runtime& runtime, Duration& took) {
  const auto start = runtime.now();
  co_await runtime.sleep_for(2ms);
  took = runtime.now() - start;
}

TEST(BootClock, GoesOnAndIsNeverBehindTheClockThatStopsInSleep) {
  const RealRuntime runtime(1);
  Duration last = time_since_boot();
  for (int i = 0; i < 1000; ++i) {
    const Duration awake = runtime.now().time_since_epoch();
    const Duration passed = time_since_boot();
    ASSERT_GE(passed, last);
    ASSERT_GE(passed, awake);
    last = passed;
  }
}

constexpr int kNoNamespace = 77;

/// In a process of its own whose CLOCK_BOOTTIME is 1000 s ahead, as if the machine had slept: 0 if time_since_boot()
/// shows that, 1 if not.
int boot_clock_after_sleep() {
  const int offsets = ::unshare(CLONE_NEWTIME) == 0 ? ::open("/proc/self/timens_offsets", O_WRONLY) : -1;
  constexpr std::string_view ahead = "boottime 1000 0\n";
  if (offsets < 0 || ::write(offsets, ahead.data(), ahead.size()) != static_cast<ssize_t>(ahead.size()))
    return kNoNamespace;
  const pid_t inside = ::fork();  // the namespace is that of children
  if (inside == 0) {
    timespec awake{};
    ::clock_gettime(CLOCK_MONOTONIC, &awake);
    ::_exit(time_since_boot() - std::chrono::seconds(awake.tv_sec) >= 1000s ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(inside, &status, 0) == inside && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

TEST(BootClock, CountsTheTimeThatTheMachineSlept) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(boot_clock_after_sleep());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNamespace && ::geteuid() != 0)
    GTEST_SKIP() << "needs a time namespace: run as root, as CI does";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(RealRuntime, RunsOutOfWorkAndMayRunAgain) {
  RealRuntime runtime(1);
  for (int i = 0; i < 2; ++i) {
    Duration took{};
    spawn(runtime.executor(), sleep_a_little(runtime, took));
    runtime.run();
    EXPECT_GE(took, 2ms);
  }
}

TEST(RealRuntime, StopEndsRun) {
  RealRuntime runtime(2);
  Duration took{};
  spawn(runtime.executor(), sleep_a_little(runtime, took));
  asio::post(runtime.executor(), [&] { runtime.stop(); });
  runtime.run();
}

awaitable<void> throw_bug() {
  throw std::logic_error("bug");
  co_return;
}
awaitable<void> sleep_long(Runtime& runtime) {
  co_await runtime.sleep_for(1h);
}

TEST(RealRuntime, RethrowsWhatEscapesOnAnyThread) {
  for (int i = 0; i < 20; ++i) {
    RealRuntime runtime(3);
    spawn(runtime.executor(), sleep_long(runtime));
    spawn(runtime.executor(), throw_bug());
    EXPECT_THROW(runtime.run(), std::logic_error);
  }
}

awaitable<void> use_blocking(Runtime& runtime, std::thread::id& there, std::thread::id& back) {
  there = co_await run_blocking(runtime, [] { return std::this_thread::get_id(); });
  back = std::this_thread::get_id();
}

TEST(RealRuntime, BlockingWorkRunsElsewhereAndComesBack) {
  RealRuntime runtime(1);
  std::thread::id there;
  std::thread::id back;
  spawn(runtime.executor(), use_blocking(runtime, there, back));
  runtime.run();
  EXPECT_NE(there, std::this_thread::get_id());
  EXPECT_EQ(back, std::this_thread::get_id());
}

TEST(RealRuntime, SeesAHandlerThatHoldsOneOfItsThreads) {
  RealRuntime runtime(2);
  const auto strand = runtime.make_strand();
  for (const Duration stall : {Duration(40ms), Duration(80ms)}) {
    asio::post(strand, [stall] { std::this_thread::sleep_for(stall); });
    for (int i = 0; i < 100; ++i) asio::post(runtime.executor(), [] {});
    runtime.run();
    const Duration longest = take_longest_handler(runtime);
    EXPECT_GE(longest, stall);
    EXPECT_EQ(take_longest_handler(runtime), Duration{}) << "it begins anew";
  }
  spawn(strand, runtime.sleep_for(500ms));
  runtime.run();
  EXPECT_LT(take_longest_handler(runtime), 400ms) << "waiting is no stall";
}

TEST(RealRuntime, SecretsAndRandomNumbersDiffer) {
  RealRuntime runtime(1);
  std::set<std::string> secrets;
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    std::string bytes(16, '\0');
    runtime.secret_bytes(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
    secrets.insert(bytes);
    numbers.insert(runtime.random());
  }
  EXPECT_EQ(secrets.size(), 100u);
  EXPECT_EQ(numbers.size(), 100u);
}

TEST(RealRuntime, TimeGoesOnAndTheEraIsRight) {
  RealRuntime runtime(1);
  EXPECT_LE(runtime.now(), runtime.now());
  EXPECT_GT(runtime.wall_now(), WallTime(std::chrono::sys_days(std::chrono::year(2020) / 1 / 1)));
}

// Many components on strands that call each other and are stopped in the middle of it: no lost task, no race.
awaitable<Result<int>> short_sleep(Runtime& runtime) {
  co_await runtime.sleep_for(runtime.random_below(300us));
  co_return 1;
}
awaitable<void> caller(Runtime& runtime, asio::any_io_executor other, std::atomic<int>& calls) {
  for (;;) {
    (void)co_await call_on(other, with_deadline(runtime, 150us, short_sleep(runtime)));
    (void)co_await run_blocking(runtime, [] { return 1; });
    ++calls;
  }
}
awaitable<void> stop_all(Runtime& runtime, std::vector<std::unique_ptr<TaskGroup>>& groups, std::atomic<int>& calls) {
  while (calls < 300) co_await runtime.sleep_for(1ms);
  for (auto& group : groups) co_await group->stop();
}

TEST(RealRuntime, CallsAcrossStrandsUnderCancellation) {
  RealRuntime runtime(3);
  std::vector<std::unique_ptr<TaskGroup>> groups;
  std::atomic<int> calls = 0;
  for (int i = 0; i < 8; ++i) groups.push_back(std::make_unique<TaskGroup>(runtime.make_strand()));
  for (int i = 0; i < 8; ++i) {
    for (int n = 0; n < 4; ++n) groups[i]->spawn(caller(runtime, groups[(i + n) % 8]->executor(), calls));
  }
  spawn(runtime.make_strand(), stop_all(runtime, groups, calls));
  runtime.run();
  EXPECT_GE(calls, 300);
  for (const auto& group : groups) EXPECT_EQ(group->size(), 0u);
}

}  // namespace
}  // namespace berth
