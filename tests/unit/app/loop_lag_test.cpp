#include "loop_lag.hpp"

#include <chrono>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace berth
