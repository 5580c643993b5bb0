#include "limiter.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{1h};

int fill(Limiter& limiter, SteadyTime now) {
  int started = 0;
  while (limiter.try_start(now)) ++started;
  return started;
}

TEST(Limiter, StartsAtEightOrTheCap) {
  for (const auto& [cap, slots] : {std::pair{16, 8}, {0, 8}, {3, 3}, {8, 8}}) {
    Limiter limiter(cap);
    EXPECT_EQ(fill(limiter, start), slots) << cap;
  }
}

TEST(Limiter, HalvesAt503AndRestsASecond) {
  Limiter limiter(16);
  fill(limiter, start);
  limiter.finish(CallOutcome::overloaded, start);
  EXPECT_EQ(limiter.limit(), 4);
  limiter.finish(CallOutcome::overloaded, start + 999ms);
  EXPECT_EQ(limiter.limit(), 4) << "further ones within the second do not halve again";
  for (int i = 0; i < 6; ++i) limiter.finish(CallOutcome::other, start + 999ms);
  EXPECT_FALSE(limiter.try_start(start + 999ms));
  EXPECT_TRUE(limiter.try_start(start + 1s));
  limiter.finish(CallOutcome::overloaded, start + 1s);
  EXPECT_EQ(limiter.limit(), 2);
}

TEST(Limiter, NeverBelowOne) {
  Limiter limiter(16);
  for (int i = 0; i < 10; ++i) {
    const SteadyTime now = start + i * 2s;
    ASSERT_TRUE(limiter.try_start(now));
    limiter.finish(CallOutcome::overloaded, now);
  }
  EXPECT_EQ(limiter.limit(), 1);
}

TEST(Limiter, GrowsWithSuccessUpToTheCap) {
  Limiter limiter(16);
  for (int i = 0; i < 20; ++i) {
    fill(limiter, start);
    limiter.finish(CallOutcome::success, start);
  }
  EXPECT_EQ(limiter.limit(), 16);
}

TEST(Limiter, GrowsByATenth) {
  Limiter limiter(0);
  while (limiter.limit() < 30) {
    fill(limiter, start);
    limiter.finish(CallOutcome::success, start);
  }
  const auto limit = limiter.limit();
  fill(limiter, start);
  limiter.finish(CallOutcome::success, start);
  EXPECT_EQ(limiter.limit(), limit + limit / 10);
}

TEST(Limiter, IsBoundedByTwiceWhatIsInFlight) {
  Limiter limiter(16);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(limiter.try_start(start));
  limiter.finish(CallOutcome::success, start);
  EXPECT_EQ(limiter.limit(), 6);
  limiter.finish(CallOutcome::other, start);
  EXPECT_EQ(limiter.limit(), 6) << "other ends change nothing";
  limiter.finish(CallOutcome::success, start);
  EXPECT_EQ(limiter.limit(), 2);
  EXPECT_EQ(limiter.in_flight(), 0);
}

}  // namespace
}  // namespace berth
