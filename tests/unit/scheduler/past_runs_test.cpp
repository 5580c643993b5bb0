// What is learned from containers that ended before the dispatcher began.
#include "past_runs.hpp"

#include <gtest/gtest.h>

#include "cost_memory.hpp"
#include "fake_container_api.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 7 / 1)};

FinishedContainer finished(WallTime started_at, WallTime finished_at) {
  FinishedContainer out{{}, started_at, finished_at};
  out.container.state = ContainerState::complete;
  out.container.container_image = "image";
  out.container.runtime_constraints.vcpus = 2;
  out.container.runtime_constraints.ram = 950;
  out.container.mounts["/tmp"] = {"tmp", 7};
  return out;
}

TEST(PastRuns, AreByImageAndNeeds) {
  const auto runs = past_runs({finished(kNow - 2h, kNow - 1h)}, {}, kNow);
  EXPECT_EQ(runs, (std::vector<PastRun>{{"image", {2, 1000, 7, 0, 0}, 3600}}));
}

TEST(PastRuns, LeaveOutWhatMakesNoSense) {
  struct Case {
    const char* what;
    WallTime started_at;
    WallTime finished_at;
    std::size_t learned;
  };
  const Case cases[] = {
      {"at once", kNow - 1h, kNow - 1h, 1},
      {"a month", kNow - 30 * 24h, kNow, 1},
      {"ended before it began", kNow - 1h, kNow - 2h, 0},
      {"ends later", kNow - 1h, kNow + 1s, 0},
      {"no start", {}, kNow, 0},
      {"no times", {}, {}, 0},
      {"a year", kNow - 365 * 24h, kNow, 0},
      {"as long as can be", WallTime::min(), WallTime::max(), 0},
      {"as long as can be, the other way", WallTime::max(), WallTime::min(), 0},
      {"since long ago", WallTime::min(), kNow, 0},
  };
  for (const Case& c : cases)
    EXPECT_EQ(past_runs({finished(c.started_at, c.finished_at)}, {}, kNow).size(), c.learned) << c.what;
  FinishedContainer not_asked_for = finished(kNow - 2h, kNow - 1h);
  not_asked_for.container.state = ContainerState::running;
  EXPECT_TRUE(past_runs({not_asked_for}, {}, kNow).empty());
}

TEST(PastRuns, CountAsWhatEndedHere) {
  CostMemory memory{CostRules{}};
  const PastRun run{"image", {2, 1000, 7, 0, 0}, 60};
  memory.learn({run, run, {"other", run.need, 3600}, run});
  PlanInput input;
  memory.complete(input, MatchedQueue(), {}, false, SteadyTime(), kNow);
  const RunTimes& learned = input.cost.learned->run_times;
  ASSERT_TRUE(learned.remaining(0, 0, 0.5));
  EXPECT_NEAR(*learned.remaining(0, 0, 0.5), 60, 15);
  EXPECT_FALSE(learned.remaining(1, 0, 0.5));  // too few
}

class ReadPastRuns : public testing::Test {
 protected:
  /// So many have run for 10 s each, the last of them a minute ago.
  void have_run(int count) {
    for (int i = 0; i < count; ++i) {
      api.add(i).state = ContainerState::complete;
      FakeContainerApi::Record& record = api.records.at(FakeContainerApi::uuid(i));
      record.finished_at = record.modified_at = api.server_now() - 1min - std::chrono::seconds(i);
      record.started_at = record.finished_at - 10s;
    }
  }
  awaitable<void> read() {
    return read_past_runs(runtime, log->log(), api, {}, [this](const auto& runs) { learned += runs.size(); });
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> log = make_line_sink();
  FakeContainerApi api{runtime};
  std::size_t learned = 0;
};

TEST_F(ReadPastRuns, PageByPageUntilOneIsEmpty) {
  have_run(250);
  api.add(1000).state = ContainerState::running;
  api.max_page = 60;
  run_on(runtime, read());
  EXPECT_EQ(learned, 250);
  EXPECT_EQ(api.count("finished"), 6);
  EXPECT_EQ(api.calls.back().finished.offset, 250);
}

TEST_F(ReadPastRuns, AThousandAtMost) {
  have_run(1500);
  run_on(runtime, read());
  EXPECT_EQ(learned, 1000);
}

TEST_F(ReadPastRuns, OfTheLastDay) {
  have_run(2);
  FakeContainerApi::Record& record = api.records.begin()->second;
  record.modified_at = api.server_now() - 25h;
  run_on(runtime, read());
  EXPECT_EQ(learned, 1);
}

TEST_F(ReadPastRuns, AnErrorIsTriedAgainFiveInARowEndIt) {
  have_run(1);
  int errors = 4;
  api.intercept = [&errors](const FakeCall&) -> std::optional<Error> {
    if (errors == 0) return std::nullopt;
    --errors;
    return Error{ErrorKind::server_error, "no"};
  };
  run_on(runtime, read());
  EXPECT_EQ(learned, 1);
  errors = 1000;
  run_on(runtime, read());
  EXPECT_EQ(learned, 1);
  EXPECT_EQ(errors, 995);
}

TEST_F(ReadPastRuns, APageThatCameForgivesTheErrorsBefore) {
  have_run(250);
  int asked = 0;
  api.intercept = [&asked](const FakeCall&) -> std::optional<Error> {
    if (++asked % 5 == 0) return std::nullopt;
    return Error{ErrorKind::server_error, "no"};
  };
  run_on(runtime, read());
  EXPECT_EQ(learned, 250);
  EXPECT_EQ(asked, 20) << "four errors before each of three pages, and before the empty one";
}

TEST_F(ReadPastRuns, WhatPagesToldStaysWhenTheNextFails) {
  have_run(250);
  int asked = 0;
  api.intercept = [&asked](const FakeCall&) -> std::optional<Error> {
    if (++asked == 1) return std::nullopt;
    return Error{ErrorKind::server_error, "no"};
  };
  run_on(runtime, read());
  EXPECT_EQ(learned, 100);
  EXPECT_EQ(asked, 6);
}

}  // namespace
}  // namespace berth
