#include "berth/base/lasting_problem.hpp"

#include <gtest/gtest.h>

#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

class LastingProblemTest : public testing::Test {
 protected:
  /// How many lines it takes to fail once a second for `duration`.
  std::size_t lines_of(Duration duration, ErrorKind kind = ErrorKind::network) {
    const std::size_t before = sink->lines().size();
    for (Duration passed{}; passed < duration; passed += 1s) {
      problem.failed(Error{kind, "no connection after " + std::to_string(runtime.random() % 9) + " ms"});
      runtime.run_for(1s);
    }
    return sink->lines().size() - before;
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> sink = make_line_sink();
  LastingProblem problem{runtime, sink->log(), "cannot reach it", "reached again"};
};

TEST_F(LastingProblemTest, IsSaidOnceAndThenAtGrowingIntervals) {
  EXPECT_EQ(lines_of(60s), 1u);
  EXPECT_TRUE(sink->contains("cannot reach it"));
  EXPECT_EQ(lines_of(60s), 1u) << "after 1 minute";
  EXPECT_EQ(lines_of(60s), 0u);
  EXPECT_EQ(lines_of(60s), 1u) << "2 minutes later";
  EXPECT_LE(lines_of(24h), 30u) << "at most one an hour in the end";
  EXPECT_GE(lines_of(24h), 23u);
}

TEST_F(LastingProblemTest, AnotherKindOfErrorIsNewsOnce) {
  EXPECT_EQ(lines_of(10s), 1u);
  EXPECT_EQ(lines_of(10s, ErrorKind::unavailable), 1u);
  EXPECT_EQ(lines_of(10s), 0u);
  EXPECT_EQ(lines_of(10s, ErrorKind::unavailable), 0u);
}

TEST_F(LastingProblemTest, ItsEndIsSaidOnceAndTheNextBeginsAnew) {
  problem.worked();
  EXPECT_EQ(sink->lines().size(), 0u) << "nothing was wrong";
  EXPECT_EQ(lines_of(30s), 1u);
  problem.worked();
  problem.worked();
  EXPECT_EQ(sink->lines().size(), 2u);
  EXPECT_TRUE(sink->contains("reached again"));
  EXPECT_EQ(lines_of(1s), 1u);
}

}  // namespace
}  // namespace berth
