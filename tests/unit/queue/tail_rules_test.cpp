#include "tail_rules.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Seconds since some moment; so are the stamps of the table.
WallTime at(std::int64_t second) {
  return WallTime(std::chrono::hours(500'000)) + std::chrono::seconds(second);
}

using Second = std::optional<std::int64_t>;

struct Case {
  const char* what;
  std::int64_t since;
  Second known;        ///< the latest stamp so far, listed at 1000 by the steady clock
  Second newest;       ///< of the first page
  std::int64_t now;    ///< our wall clock
  std::int64_t asked;  ///< the steady clock
  std::int64_t expected;
};

// The overlap is 15 s, a look further back 300 s.
const Case cases[] = {
    {"begins 15 s before the newest change", 0, {}, 1000, 1000, 1000, 985},
    {"the newest may be old", 0, {}, 100, 5000, 1000, 85},
    {"goes on with the newest", 85, 100, 1000, 1000, 1100, 985},
    {"goes on with the server's clock while nothing changes", 985, 1000, {}, 1010, 1010, 995},
    {"what is listed again holds nothing up", 985, 1000, 1000, 1010, 1010, 995},
    {"a late one in the overlap holds nothing up", 985, 1000, 990, 1010, 1010, 995},
    {"a tie with since is asked for again", 985, 1000, 985, 1000, 1000, 985},
    {"a stamp ahead of our clock counts as now", 985, 1000, 9000, 1010, 1010, 995},
    {"the server's clock is ahead: lists reach back by as much more", 985, 1000, 4610, 1010, 1010, 995},
    {"our clock was put back: it stays", 985, 1000, 1200, 500, 1000, 985},
    {"our clock was put forward: the stamps decide", 985, 1000, 1005, 90'000, 1010, 990},
    {"the server's clock is behind: its stamps decide", 0, {}, 400, 4000, 1000, 385},
    {"the server's clock was put back: it goes on, and the sweep finds what changed", 985, 1000, 986, 1200, 1200, 1185},
    {"nothing known and nothing listed: further back", 985, {}, {}, 1010, 1010, 685},
    {"nothing known and nothing listed: not beyond a day", -85'200, {}, {}, 1010, 1010, -85'390},
    {"nothing known and nothing listed: a day is the end", -90'000, {}, {}, 1010, 1010, -90'000},
};

TEST(AfterList, Table) {
  const auto stamp = [](Second second) { return second ? std::optional(at(*second)) : std::nullopt; };
  const auto steady = [](std::int64_t second) { return SteadyTime(std::chrono::seconds(second)); };
  for (const Case& c : cases) {
    const ModifiedSince from{at(c.since), stamp(c.known), steady(1000)};
    const ModifiedSince next = after_list(from, stamp(c.newest), at(c.now), steady(c.asked));
    EXPECT_EQ(std::chrono::duration_cast<std::chrono::seconds>(next.since - at(0)).count(), c.expected) << c.what;
  }
}

TEST(AfterList, GoesBackADayAtMost) {
  ModifiedSince since{at(0)};
  for (int i = 0; i < 1000; ++i) since = after_list(since, std::nullopt, at(0), SteadyTime());
  EXPECT_EQ(since.since, at(-86'400));
}

TEST(AfterList, OurClocksDriftIsForgottenWithEachNewStamp) {
  ModifiedSince since{at(0)};
  for (int i = 1; i <= 1000; ++i)  // ours runs faster by a hundredth
    since = after_list(since, at(100 * i), at(101 * i), SteadyTime(std::chrono::seconds(101 * i)));
  EXPECT_EQ(since.since, at(100'000 - 15));
}

TEST(PagePause, ListsTheTailInTime) {
  EXPECT_EQ(page_pause(100'000, 1000, 25s, 1s), Duration(25s) / 102);
  EXPECT_EQ(page_pause(100'000, 130, 25s, 1s), Duration(25s) / 771) << "the server cuts pages short";
  EXPECT_EQ(page_pause(3000, 1000, 25s, 1s), 1s);
  EXPECT_EQ(page_pause(5, 0, 25s, 1s), 1s);
}

}  // namespace
}  // namespace berth
