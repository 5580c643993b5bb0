// Events that lead to nothing cost a bounded number of requests, and hold up nothing that is real.
#include "news_fixture.hpp"
#include "recent_uuids.hpp"
#include "vain_pause.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using enum ContainerState;

const auto uuid = FakeContainerApi::uuid;

/// A container that nobody knows; of all uuids those of these come first.
std::string bogus(int number) {
  return "aaaaa-dz642-" + uuid(number).substr(12);
}

class Flood : public NewsTest {
 protected:
  /// Tells so many new ones each ms.
  void flood(Duration time, int each_ms) {
    for (const SteadyTime end = runtime_.now() + time; runtime_.now() < end; runtime_.run_for(1ms))
      for (int i = 0; i < each_ms; ++i) queue_->tell({bogus(next_++), queued});
  }
  /// Tells the same each 5 ms, for 3 s.
  void repeat(const ApiChange& change) {
    for (int i = 0; i < 600; ++i, runtime_.run_for(5ms)) queue_->tell(change);
  }
  int next_ = 0;
};

TEST_F(Flood, WhatIsRealIsSeenAllTheSame) {
  for (int i = 0; i < 3000; ++i) api_.add(i, i + 1);
  start_and_load(3000);
  runtime_.run_for(1min);
  api_.latency = 300ms;
  flood(3s, 3);
  for (const int i : {5000, 5001}) api_.add(i, 1);  // in the tail
  tell(5001, queued);
  flood(options_.poll_interval + 3s, 3);
  EXPECT_EQ(seen(5000), "Queued 1") << "nobody told of it";
  EXPECT_EQ(seen(5001), "Queued 1");
}

TEST_F(Flood, TheWholeTailIsListedAllTheSame) {
  for (int i = 0; i < 3000; ++i) api_.add(i, i + 1);
  start_and_load(3000);
  runtime_.run_for(1min);
  api_.latency = 300ms;
  flood(3s, 3);
  api_.changes_silently(uuid(1), 777);
  flood(55s, 3);
  EXPECT_EQ(seen(1), "Queued 777");
}

/// Those that come in a storm of others are looked at in the order of the events, whatever their uuids.
TEST_F(Flood, WhatWasToldFirstIsFetchedFirst) {
  begin(3);
  api_.latency = 100ms;
  api_.add(900, 5);
  tell(900, queued);
  runtime_.run_for(1ms);
  for (int i = 0; i < 300; ++i) queue_->tell({bogus(i), queued});
  runtime_.run_for(104ms);
  EXPECT_EQ(seen(900), "Queued 5");
}

TEST_F(Flood, WhatAPollShowsLeavesTheLineOfEvents) {
  begin(3);
  api_.latency = 5s;
  for (int i = 0; i < 900; ++i) queue_->tell({bogus(i), queued});  // 200 at a time
  runtime_.run_for(1s);
  api_.add(900, 5);
  tell(900, queued);
  queue_->poll_soon();
  runtime_.run_for(22s);
  EXPECT_EQ(seen(900), "Queued 5");
}

/// Without a flood it is fetched within 20 ms.
TEST_F(Flood, AfterwardsNewsAreFetchedAtOnce) {
  begin(3);
  flood(5s, 20);
  runtime_.run_for(10s);
  api_.add(900, 5);
  tell(900, queued);
  runtime_.run_for(20ms);
  EXPECT_EQ(seen(900), "Queued 5");
}

TEST_F(Flood, CostsABoundedNumberOfRequests) {
  begin(3);
  api_.latency = 5ms;
  flood(10s, 10);
  runtime_.run_for(1s);
  EXPECT_LT(api_.count_lists("mounts"), 300) << "4 workers, each 4 times a second";
  EXPECT_LT(api_.calls.size(), 320);
}

TEST_F(Flood, ABurstIsNotAskedForToItsEnd) {
  begin(3);
  api_.latency = 5ms;
  for (int i = 0; i < 9000; ++i) queue_->tell({bogus(i), queued});
  runtime_.run_for(9s);
  EXPECT_LE(api_.count_lists("mounts"), 1000 / 50);
  EXPECT_GE(api_.count_lists("held"), 1) << "there was no room for most of them";
  EXPECT_TRUE(metric_is("berth_queue_news_overflows_total 1"));
}

TEST_F(Flood, WhatTheApiDoesNotKnowIsAskedForOnce) {
  begin(3);
  repeat({bogus(1), queued});
  EXPECT_EQ(api_.calls.size(), 1);
  runtime_.run_for(10s);
  api_.calls.clear();
  queue_->tell({bogus(1), queued});
  runtime_.run_for(20ms);
  EXPECT_EQ(api_.count_lists("mounts"), 1) << "after a while it may exist";
}

TEST_F(Flood, WhatChangesNothingIsAskedForSeldom) {
  begin(3);
  api_.add(900, 0);
  api_.user_sets_priority(uuid(1), 2);
  api_.user_sets_priority(uuid(900), 0);
  const std::string requests[] = {api_.records.at(uuid(1)).request, api_.records.at(uuid(900)).request,
                                  "zzzzz-xvhdp-000000000000000"};
  const auto cost = [&](const ApiChange& change) {
    runtime_.run_for(1s);
    api_.calls.clear();
    repeat(change);
    return api_.calls.size();
  };
  EXPECT_LT(cost({uuid(1), cancelled}), 40) << "it is Queued";
  EXPECT_LT(cost({uuid(900), queued}), 60) << "it is on hold";
  EXPECT_LT(cost({requests[0], {}}), 80) << "a list of requests, and one of containers";
  EXPECT_LT(cost({requests[1], {}}), 120) << "the same, of one on hold";
  EXPECT_LT(cost({requests[2], {}}), 40) << "there is none";
}

TEST_F(Flood, DoubtsThatGoOnAreActedOnEverMoreSeldom) {
  options_.poll_interval = 4min;
  begin(3);
  runtime_.run_for(2min);
  api_.calls.clear();
  const auto overflow = [&] {
    for (int i = 0; i < 10'001; ++i) queue_->tell({bogus(i), queued});
    runtime_.run_for(500ms);
  };
  const auto polls_within = [&](Duration time) {
    const auto before = api_.count_lists("held");
    for (const SteadyTime end = runtime_.now() + time; runtime_.now() < end;) overflow();
    return api_.count_lists("held") - before;
  };
  EXPECT_EQ(polls_within(1s), 1) << "at once";
  EXPECT_EQ(polls_within(3s), 0);
  EXPECT_EQ(polls_within(4s), 1) << "after 5 s";
  EXPECT_EQ(polls_within(1min), 2) << "after 10 and 20 s; the next would be after 40 s";
  runtime_.run_for(3min);
  EXPECT_EQ(polls_within(1s), 1) << "at once";
}

/// A flood brings the list of the whole tail at once, and whole, wherever the one under way is.
TEST_F(Flood, TheWholeTailIsListedAtOnce) {
  options_.page_size = 100;  // so that the tail has 30 pages, most of a second apart
  for (int i = 0; i < 3000; ++i) api_.add(i, i + 1);
  start_and_load(3000);
  runtime_.run_for(2min);
  const auto page_after = [&](int number) {
    const FakeCall& call = api_.calls.back();
    if (call.verb != "list" || call.list_kind() != "tail") return false;
    const auto is_it = [&](const auto& filter) { return filter.field == "uuid" && filter.operand == uuid(number); };
    return std::ranges::any_of(call.query.filters, is_it);
  };
  ASSERT_TRUE(runtime_.run_until([&] { return page_after(1999); }, 2min));
  runtime_.settle();
  for (const int i : {1550, 2550}) api_.changes_silently(uuid(i), 777);
  for (int i = 0; i < 10'001; ++i) queue_->tell({bogus(i), queued});
  runtime_.run_for(500ms);
  EXPECT_EQ(seen(2550), "Queued 777") << "the rest of the list that was under way";
  EXPECT_EQ(seen(1550), "Queued 777") << "and one that began then";
}

TEST_F(Flood, ANewContainerWhoseFetchFailsIsAskedForAgain) {
  begin(3);
  int refused = 0;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() != "mounts" || refused == 2) return std::nullopt;
    ++refused;
    return Error{ErrorKind::network, "connection reset"};
  };
  api_.add(900, 5);
  tell(900, queued);
  runtime_.run_for(3s);
  EXPECT_EQ(seen(900), "Queued 5");
  EXPECT_EQ(api_.calls.size(), 3);
}

TEST_F(Flood, WhatKeepsFailingIsLeftToPolling) {
  begin(3);
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() != "mounts") return std::nullopt;
    return Error{ErrorKind::network, "connection reset"};
  };
  api_.add(900, 5);
  tell(900, queued);
  runtime_.run_for(7s);
  EXPECT_EQ(api_.calls.size(), 3);
  api_.intercept = nullptr;
  run_next_poll();
  runtime_.run_for(1s);
  EXPECT_EQ(seen(900), "Queued 5");
}

TEST(VainPause, GrowsWhileMostIsInVain) {
  VainPause pause(10ms);
  const Duration expected[] = {2ms, 4ms, 8ms, 10ms, 10ms};
  for (const Duration each : expected) EXPECT_EQ(pause.after(50, 26), each);
  EXPECT_TRUE(pause.in_vain());
  EXPECT_EQ(pause.after(50, 25), 0ms);
  EXPECT_FALSE(pause.in_vain());
  EXPECT_EQ(pause.after(1, 1), 2ms);
}

TEST(RecentUuids, AreRememberedForSomeTimeAndNotTooMany) {
  const SteadyTime start{};
  RecentUuids recent(10s, 3);
  for (int i = 0; i < 4; ++i) recent.add(uuid(i), start + std::chrono::seconds(i));
  EXPECT_FALSE(recent.contains(uuid(0), start + 4s)) << "of many the latest";
  EXPECT_TRUE(recent.contains(uuid(1), start + 4s));
  recent.add(uuid(1), start + 5s);
  EXPECT_FALSE(recent.contains(uuid(1), start + 11s)) << "since the first time";
  EXPECT_TRUE(recent.contains(uuid(2), start + 11s));
  EXPECT_FALSE(recent.contains(uuid(3), start + 13s));
}

}  // namespace
}  // namespace berth
