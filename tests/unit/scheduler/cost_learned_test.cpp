// What policy `cost` learns from the past.
#include "cost_learned.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(IdleGaps, AnEndedInstancesGapEndsWithTheNextCreate) {
  IdleGaps gaps;
  const SteadyTime start{};
  for (int i = 0; i < 8; ++i) {
    gaps.ended(0, start + i * 1h);
    gaps.created(0, start + i * 1h + 15s);
  }
  EXPECT_EQ(gaps.timeout(0, 1min, 90), 20s);
  EXPECT_EQ(IdleGaps().timeout(0, 1min, 90), 1min);
}

TEST(RunTimes, RemainingTimeDependsOnTheAge) {
  RunTimes times;
  for (int i = 0; i < 50; ++i) times.add(7, 60);
  for (int i = 0; i < 50; ++i) times.add(7, 3600);
  EXPECT_FALSE(times.remaining(3, 0, 0.5));
  const auto young = times.remaining(7, 0, 0.4);
  const auto old = times.remaining(7, 100, 0.4);
  ASSERT_TRUE(young && old);
  EXPECT_NEAR(*young, 60, 15);
  EXPECT_NEAR(*old, 3500, 700);
  const Survival alive = times.survival(7, 0);
  for (int b = 1; b < kRunTimeBins; ++b) EXPECT_LE(alive[b], alive[b - 1]);
}

TEST(RunTimes, WhatIsAddedCountsOnceItIsAnEighth) {
  RunTimes times;
  for (int i = 0; i < 64; ++i) times.add(7, 60);
  times.set_running({});
  const std::uint64_t version = times.version();
  for (int i = 0; i < 7; ++i) times.add(8, 60);
  EXPECT_EQ(times.version(), version);
  EXPECT_FALSE(times.remaining(8, 0, 0.5));
  times.add(8, 60);
  EXPECT_NE(times.version(), version);
  EXPECT_TRUE(times.remaining(8, 0, 0.5));
  for (int i = 0; i < 3; ++i) times.add(9, 60);
  EXPECT_FALSE(times.remaining(9, 0, 0.5));
  times.set_running({});
  EXPECT_TRUE(times.remaining(9, 0, 0.5));
}

TEST(RunTimes, InAWindowNoLessSurvives) {
  RunTimes times;
  for (int i = 0; i < 40; ++i) times.add(7, 10 + 7 * i);
  for (const double age : {0.0, 3.0, 40.0, 200.0, 1000.0})
    for (const double window : {1.0, 10.0, 100.0}) {
      const Survival most = times.survival(7, age, window);
      const SurvivalSteps most_by_step = times.survival_steps(7, age, window);
      for (double later = 0; later <= window; later += window / 16) {
        const Survival then = times.survival(7, age + later);
        for (std::size_t b = 0; b < then.size(); ++b) EXPECT_GE(most[b] * 1.00001F, then[b]) << age << ' ' << later;
        for (std::size_t s = 0; s < most_by_step.size(); ++s)
          EXPECT_GE(most_by_step[s] * 1.00001F, then[s * kBinsInStep]) << age << ' ' << later;
      }
    }
}

/// Of one of key 7 that starts now.
float chance_to_outlive(const RunTimes& times, double seconds) {
  const Survival alive = times.survival(7, 0);
  int bin = 0;
  while (run_time_offset(bin) < seconds) ++bin;
  return alive[bin];
}

TEST(RunTimes, WhatStillRunsHasNotEndedYet) {
  RunTimes times;
  for (int i = 0; i < 10; ++i) times.add(7, 60);
  EXPECT_LT(chance_to_outlive(times, 600), 0.001F);
  const std::uint64_t version = times.version();
  times.set_running(std::vector<RunTimes::Running>(30, {7, 900}));
  EXPECT_NE(times.version(), version);
  EXPECT_NEAR(chance_to_outlive(times, 600), 0.75, 0.01);
  const Survival alive = times.survival(7, 900);
  EXPECT_GT(alive[4], 0.9F);  // those that run are not expected to end at once, although none was seen to go on
  EXPECT_LT(alive[kRunTimeBins - 1], 0.001F);
  times.set_running({{7, 10}});  // tells nothing about later
  EXPECT_LT(chance_to_outlive(times, 600), 0.001F);
}

}  // namespace
}  // namespace berth
