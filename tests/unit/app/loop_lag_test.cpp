#include "loop_lag.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <prometheus/gauge.h>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(RecentMaximum, RisesAtOnceAndIsForgottenAfterTwoWindows) {
  const SteadyTime start{};
  RecentMaximum worst(start, 60s);
  struct Step {
    Duration at, value, want;
  };
  const Step steps[] = {
      {1s, 3ms, 3ms},   {2s, 9ms, 9ms},   {3s, 1ms, 9ms},   {61s, 2ms, 9ms},
      {120s, 1ms, 9ms}, {121s, 1ms, 2ms}, {300s, 4ms, 4ms}, {301s, 1ms, 4ms},
  };
  for (const Step& step : steps) EXPECT_EQ(worst.add(start + step.at, step.value), step.want) << step.at.count();
}

awaitable<void> wait_for_lag(RealRuntime& runtime, prometheus::Gauge& lag, double least) {
  for (int looks = 0; looks < 2000 && lag.Value() < least; ++looks) co_await runtime.sleep_for(10ms);
  runtime.stop();
}

// The other thread serves timers meanwhile.
TEST(LoopLag, ShowsAStrandThatStallsOneThread) {
  RealRuntime runtime(2);
  Metrics metrics;
  const auto rethrow = [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  };
  asio::co_spawn(runtime.make_strand(), watch_loop_lag(runtime, metrics), rethrow);
  asio::post(runtime.make_strand(), [] { std::this_thread::sleep_for(300ms); });
  auto& lag = metrics.gauge("berth_event_loop_lag_seconds", "");
  asio::co_spawn(runtime.make_strand(), wait_for_lag(runtime, lag, 0.3), rethrow);
  runtime.run();
  EXPECT_GE(lag.Value(), 0.3);
}

}  // namespace
}  // namespace berth
