// What changes beyond the scheduling window is seen by polling: with a request that tells of it by the next poll, else
// within a minute.
#include "queue_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const auto uuid = FakeContainerApi::uuid;

class Tail : public QueueTest {
 protected:
  /// Priorities rise with the number: the window is the last 1000.
  void load(int containers) {
    for (int i = 0; i < containers; ++i) api_.add(i, i + 1);
    start_and_load(static_cast<std::size_t>(containers));
    runtime_.run_for(1min);
    run_next_poll();
    api_.calls.clear();
  }
  bool waits(int number) const { return seen(number).starts_with("Queued ") && seen(number) != "Queued 0"; }
  void run_promised_time() { runtime_.run_for(options_.poll_interval + 1s); }
  void refuse(const char* kind, ErrorKind error) {
    api_.intercept = [kind, error](const FakeCall& call) -> std::optional<Error> {
      if (call.verb == "modified" && (kind == nullptr || call.list_kind() == kind)) return Error{error, "refused"};
      return std::nullopt;
    };
  }
};

TEST_F(Tail, CancelAndPriorityAreSeenByTheNextPollWhileTheRequestTells) {
  load(3000);
  for (int phase = 0; phase < 4; ++phase) {
    runtime_.run_for(std::chrono::milliseconds(2700 * phase));
    const int i = 10 * phase;
    api_.user_sets_priority(uuid(i), 777);
    api_.user_sets_priority(uuid(i + 1), 0);
    api_.user_cancels(uuid(i + 2));
    api_.records.at(uuid(i + 3)).container.priority = 0;
    api_.user_sets_priority(uuid(i + 3), 888);
    api_.add(4000 + phase, 5);
    run_promised_time();
    EXPECT_EQ(seen(i), "Queued 777");
    EXPECT_FALSE(waits(i + 1)) << seen(i + 1);
    EXPECT_FALSE(waits(i + 2)) << seen(i + 2);
    EXPECT_EQ(seen(i + 3), "Queued 888");
    EXPECT_EQ(seen(4000 + phase), "Queued 5");
  }
}

/// Wherever it is, and whether or not its request tells of it.
TEST_F(Tail, EveryChangeIsSeenInTime) {
  load(4000);
  enum class Place { tail, window, held };
  enum class Change { priority, hold, cancel };
  int sample = 0;
  for (const Place place : {Place::tail, Place::window, Place::held})
    for (const Change change : {Change::priority, Change::hold, Change::cancel})
      for (const bool told : {true, false}) {
        const int i = (place == Place::tail ? 100 : 3500) + sample;
        if (place == Place::held) ASSERT_TRUE(lock(i));
        runtime_.run_for(std::chrono::milliseconds(3700 * ++sample % 10'000));
        const std::int64_t priority = change == Change::hold ? 0 : i + 50;
        if (change == Change::cancel)
          api_.user_cancels(uuid(i));
        else
          told ? api_.user_sets_priority(uuid(i), priority) : api_.changes_silently(uuid(i), priority);
        const bool slow = place == Place::tail && change != Change::cancel && !told;
        runtime_.run_for(slow ? Duration(1min) : options_.poll_interval + 1s);
        const std::string held = place == Place::held ? "Locked " : "Queued ";
        if (change == Change::priority)
          EXPECT_EQ(seen(i), held + std::to_string(priority)) << sample;
        else if (change == Change::hold && place == Place::held)
          EXPECT_EQ(seen(i), "Locked 0") << sample;
        else
          EXPECT_TRUE(!waits(i) && !seen(i).starts_with("Locked")) << sample << ": " << seen(i);
      }
}

TEST_F(Tail, WhatWasOnHoldAndUnknownIsSeenByTheNextPoll) {
  for (int i = 0; i < 2500; ++i) api_.add(i, i + 1);
  api_.add(3000, 0);
  start_and_load(2500);
  runtime_.run_for(1min);
  EXPECT_EQ(seen(3000), "-");
  api_.user_sets_priority(uuid(3000), 3);
  run_promised_time();
  EXPECT_EQ(seen(3000), "Queued 3");
}

TEST_F(Tail, WhatNoRequestTellsIsSeenWithinAMinute) {
  options_.page_size = 100;  // so that the tail has 40 pages
  load(4000);
  for (int i = 0; i < 3800; i += 200) api_.changes_silently(uuid(i), 777);
  for (int i = 1; i < 3800; i += 200) api_.changes_silently(uuid(i), 0);
  runtime_.run_for(1min);
  for (int i = 0; i < 3800; i += 200) EXPECT_EQ(seen(i), "Queued 777") << i;
  for (int i = 1; i < 3800; i += 200) EXPECT_FALSE(waits(i)) << i;
}

TEST_F(Tail, APollCostsTheChanges) {
  load(5000);
  for (int i = 0; i < 90; ++i) api_.user_sets_priority(uuid(i), 400 + i);
  for (int i = 0; i < 10; ++i) api_.add(6000 + i, 5);
  run_next_poll();
  runtime_.run_for(1s);
  EXPECT_EQ(seen(89), "Queued 489");
  EXPECT_EQ(seen(6009), "Queued 5");
  EXPECT_EQ(api_.count_lists("held"), 1);
  EXPECT_EQ(api_.count_lists("window"), 1);
  EXPECT_EQ(api_.count_lists("missing"), 0);
  EXPECT_EQ(api_.count_lists("modified"), 2) << "a page, and the empty one";
  EXPECT_EQ(api_.count_lists("requests"), 2);
  EXPECT_EQ(api_.count_lists("fetch"), 1);
  EXPECT_EQ(api_.count_lists("mounts"), 1);
}

TEST_F(Tail, ManyChangesComeInPages) {
  load(8000);
  for (int i = 0; i < 6000; ++i) api_.user_sets_priority(uuid(i), 100'000 + i);
  run_promised_time();
  int seen_now = 0;
  for (int i = 0; i < 6000; ++i) seen_now += seen(i) == "Queued " + std::to_string(100'000 + i);
  EXPECT_EQ(seen_now, 6000);
}

TEST_F(Tail, AServerThatCannotFilterIsReloadedByEveryPoll) {
  options_.page_size = 100;
  const std::pair<const char*, ErrorKind> table[] = {
      {"modified", ErrorKind::conflict}, {"requests", ErrorKind::not_found}, {"modified", ErrorKind::undecodable}};
  for (const auto& [kind, error] : table) {
    refuse(kind, error);
    for (int i = 0; i < 400; ++i) api_.add(i, i + 1);
    start_and_load(400);
    runtime_.run_for(1min);
    api_.changes_silently(uuid(7), 777);
    api_.changes_silently(uuid(8), 0);
    run_promised_time();
    EXPECT_EQ(seen(7), "Queued 777");
    EXPECT_EQ(seen(8), "-");
    EXPECT_TRUE(sink_->contains("every poll lists all of them"));
    api_.calls.clear();
    runtime_.run_for(1min);
    EXPECT_GE(api_.count_lists("tail"), 6 * 5) << "six polls, four pages and the empty one each";
    EXPECT_EQ(api_.count_lists(kind), 0) << "it is not asked again at once";
    run_on(runtime_, queue_->stop());
    queue_.reset();
    api_.records.clear();
  }
}

TEST_F(Tail, AServerThatLearnsToFilterIsAskedAgain) {
  refuse(nullptr, ErrorKind::conflict);
  load(2500);
  api_.intercept = nullptr;
  runtime_.run_for(11min);
  EXPECT_GE(api_.count_lists("modified"), 2);
  api_.calls.clear();
  runtime_.run_for(1min);
  EXPECT_LE(api_.count_lists("tail"), 61);
  EXPECT_GE(api_.count_lists("modified"), 6);
}

TEST_F(Tail, AfterAFailureAllIsListedAnewAtOnce) {
  load(3000);
  api_.changes_silently(uuid(7), 777);
  refuse(nullptr, ErrorKind::server_error);
  runtime_.run_for(10500ms);
  api_.intercept = nullptr;
  EXPECT_EQ(seen(7), "Queued 777");
  EXPECT_TRUE(sink_->contains("cannot list what was modified"));
  api_.user_sets_priority(uuid(9), 999);
  run_promised_time();
  EXPECT_EQ(seen(9), "Queued 999");
}

TEST_F(Tail, ClocksMayDiffer) {
  for (const Duration offset : {Duration(-1h), Duration(-20s), Duration(20s), Duration(1h)}) {
    api_.clock_offset = offset;
    options_.page_size = 100;
    for (int i = 0; i < 300; ++i) api_.add(i, i + 1);
    start_and_load(300);
    runtime_.run_for(3min);
    api_.user_sets_priority(uuid(7), 777);
    run_promised_time();
    EXPECT_EQ(seen(7), "Queued 777") << offset.count();
    run_on(runtime_, queue_->stop());
    queue_.reset();
    api_.records.clear();
  }
}

/// It may lie behind the page that would have shown it, while further pages show later changes.
TEST_F(Tail, WhatChangesWhileALongListIsOnItsWayIsSeenByTheNextPoll) {
  api_.clock_offset = -1h;  // so that our own clock does not bound the stamps
  options_.tail_page_interval = 1h;
  options_.tail_sweep_time = 24h;
  load(3000);
  api_.user_sets_priority(uuid(1), 101);
  runtime_.run_for(5min);  // until lists of requests reach back to the server's time
  api_.user_sets_priority(uuid(10), 110);
  bool first_page = false;
  bool second_page = false;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.list_kind() != "requests" || call.verb != "modified") return std::nullopt;
    if (!std::exchange(first_page, true)) {
      api_.latency = 1min;
    } else if (!std::exchange(second_page, true)) {
      api_.user_sets_priority(uuid(20), 120);
      api_.latency = {};
    }
    return std::nullopt;
  };
  ASSERT_TRUE(runtime_.run_until([&] { return first_page; }, 1min));
  runtime_.run_for(1s);
  api_.user_sets_priority(uuid(5), 105);
  ASSERT_TRUE(runtime_.run_until([&] { return second_page; }, 3min));
  runtime_.run_for(15s);
  EXPECT_EQ(seen(10) + ", " + seen(20), "Queued 110, Queued 120");
  EXPECT_EQ(seen(5), "Queued 105");
}

TEST_F(Tail, AStampFromTheFutureHidesNothing) {
  load(2500);
  api_.user_sets_priority(uuid(3), 333);
  api_.records.at(uuid(3)).request_modified_at += 24h;
  run_promised_time();
  api_.user_sets_priority(uuid(7), 777);
  run_promised_time();
  EXPECT_EQ(seen(7), "Queued 777");
}

TEST_F(Tail, ItsLagIsAMetric) {
  load(2500);
  const std::string text = metrics_.text();
  EXPECT_NE(text.find("\nberth_queue_poll_lag_seconds 10"), std::string::npos) << text;
  EXPECT_NE(text.find("\nberth_queue_sweep_seconds 3"), std::string::npos) << text;
}

}  // namespace
}  // namespace berth
