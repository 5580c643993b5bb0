#include "probe_pace.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

SteadyTime at(Duration since) {
  return SteadyTime{} + 1h + since;
}

TEST(ProbePace, RoundsKeepTheirIntervalAndSayHowLateTheyAre) {
  ProbePace pace(10s, 10);
  EXPECT_EQ(pace.jitter(), Duration(10s) / 23);
  EXPECT_EQ(pace.lateness(at(5s)), Duration::zero());
  pace.begin_round(at(0s), 0s);
  EXPECT_EQ(pace.lateness(at(0s)), Duration::zero());  // the first is never late
  EXPECT_EQ(pace.next_round(), at(10s));
  EXPECT_EQ(pace.lateness(at(10s)), Duration::zero());
  pace.begin_round(at(10s), 100ms);
  EXPECT_EQ(pace.lateness(at(10s)), Duration::zero());
  EXPECT_EQ(pace.next_round(), at(20s + 100ms));
  EXPECT_EQ(pace.lateness(at(60s)), Duration(39s + 900ms));  // before it begins
  pace.begin_round(at(110s), 0s);
  EXPECT_EQ(pace.lateness(at(110s)), Duration(89s + 900ms));
  EXPECT_EQ(pace.next_round(), at(120s));
  EXPECT_EQ(pace.lateness(at(300s)), Duration(180s));
  pace.begin_round(at(300s), 0s);
  pace.begin_round(at(310s), 0s);
  EXPECT_EQ(pace.lateness(at(310s)), Duration::zero());
}

TEST(ProbePace, HowManyWorkersFitInARound) {
  EXPECT_TRUE(ProbePace(10s, 10).fits(100));
  EXPECT_FALSE(ProbePace(10s, 10).fits(101));
  EXPECT_TRUE(ProbePace(10s, 0).fits(1000000));
}

TEST(ProbePace, CapIsKeptOnAverage) {
  struct Case {
    std::int64_t cap;
    Duration late;  // of each wake-up
    int least, most;
  };
  const Case cases[] = {
      {10, 0ms, 99, 101},  // in ten seconds
      {10, 3ms, 98, 101},  // a late wake-up does not lower the rate
      {1000, 0ms, 9990, 10020}, {1000, 2ms, 9900, 10020}, {1000, 50ms, 1500, 2500},  // made up for within reason only
  };
  for (const auto& c : cases) {
    ProbePace pace(10s, c.cap);
    int probes = 0;
    for (SteadyTime now = at(0s); now < at(10s); ++probes) {
      const SteadyTime next = pace.next_probe(now);
      if (next > now) now = next + c.late;
    }
    EXPECT_GE(probes, c.least) << c.cap << ' ' << c.late.count();
    EXPECT_LE(probes, c.most) << c.cap << ' ' << c.late.count();
  }
}

TEST(ProbePace, CapIsKeptInEachSecond) {
  struct Case {
    const char* what;
    std::int64_t cap;
    std::vector<Duration> late;  // of wake-ups, in turn
    Duration pause;              // after every 30 probes: nobody is to be probed
  };
  const Case cases[] = {
      {"in time", 10, {0ms}, 0ms},           {"always late", 10, {3ms}, 0ms},
      {"late at times", 7, {0ms, 9ms}, 0ms}, {"more than it makes up for", 10, {0ms, 0ms, 40ms}, 0ms},
      {"pauses", 10, {0ms}, 333ms},          {"long pauses", 10, {0ms, 1ms}, 20s},
      {"many", 1000, {2ms, 0ms}, 777ms},     {"one", 1, {0ms, 10ms}, 0ms},
  };
  for (const auto& c : cases) {
    ProbePace pace(10s, c.cap);
    std::vector<SteadyTime> begun;
    for (SteadyTime now = at(0s); now < at(20s);) {
      begun.push_back(now);
      const SteadyTime next = pace.next_probe(now);
      if (next > now) now = next + c.late[begun.size() % c.late.size()];
      if (begun.size() % 30 == 0) now += c.pause;
    }
    const auto most = static_cast<std::size_t>(c.cap);
    for (std::size_t i = most; i < begun.size(); ++i)
      ASSERT_GE(begun[i] - begun[i - most], 1s) << c.what << ", probe " << i;
  }
}

TEST(ProbePace, NoCap) {
  ProbePace pace(10s, 0);
  EXPECT_EQ(pace.next_probe(at(5s)), at(5s));
}

TEST(ProbePace, AnIntervalOfNothingStillHasAnEnd) {
  ProbePace pace(0s, 0);
  pace.begin_round(at(0s), 0s);
  EXPECT_GT(pace.next_round(), at(0s));
}

}  // namespace
}  // namespace berth
