#include "berth/model/container_rules.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

namespace berth {
namespace {

using State = ContainerState;
constexpr State all_states[] = {State::queued, State::locked, State::running, State::complete, State::cancelled};
constexpr std::int64_t max_attempts = 10;

const Caller holder{CallerRole::admin, "holder"};
const Caller other_admin{CallerRole::admin, "other"};
const Caller own_token{CallerRole::container, "own"};
const Caller nobody{CallerRole::other, "holder"};  // knowing the holder's uuid gives no rights

RecordState record(State state, std::int64_t lock_count = 1) {
  const bool locked = state == State::locked || state == State::running;
  return {state, 1, locked ? "holder" : "", lock_count};
}

/// `ok`, or the kind of the refusal.
std::string verdict(const Result<Transition>& result) {
  return result ? "ok" : std::string(to_string(result.error().kind));
}

TEST(ApplyRules, EveryStateChangeByEveryCaller) {
  // Facts §2.4: allowed changes, with the verdict for the holder of the lock and for another admin.
  const std::map<std::pair<State, State>, std::pair<std::string, std::string>> allowed = {
      {{State::queued, State::locked}, {"ok", "ok"}},     {{State::queued, State::cancelled}, {"ok", "ok"}},
      {{State::locked, State::queued}, {"ok", "denied"}}, {{State::locked, State::running}, {"ok", "ok"}},
      {{State::locked, State::cancelled}, {"ok", "ok"}},  {{State::running, State::complete}, {"ok", "ok"}},
      {{State::running, State::cancelled}, {"ok", "ok"}}, {{State::complete, State::cancelled}, {"ok", "ok"}},
  };
  for (const State from : all_states) {
    for (const State to : all_states) {
      SCOPED_TRACE(std::string(to_string(from)) + " to " + std::string(to_string(to)));
      const auto found = allowed.find({from, to});
      std::pair<std::string, std::string> expected{"conflict", "conflict"};
      if (found != allowed.end()) expected = found->second;
      if (from == to) expected = {"ok", "ok"};
      EXPECT_EQ(verdict(apply_rules(record(from), holder, to, {}, max_attempts)), expected.first);
      EXPECT_EQ(verdict(apply_rules(record(from), other_admin, to, {}, max_attempts)), expected.second);
      EXPECT_EQ(verdict(apply_rules(record(from), nobody, to, {}, max_attempts)), "denied");
      if (from != to) EXPECT_EQ(verdict(apply_rules(record(from), own_token, to, {}, max_attempts)), "denied");
    }
  }
}

TEST(ApplyRules, WhatHappensToTheRecord) {
  struct {
    State from, to;
    std::string locked_by;
    std::int64_t lock_count;
    bool started, finished, status_cleared;
  } const cases[] = {
      {State::queued, State::locked, "holder", 2, false, false, false},
      {State::queued, State::cancelled, "", 1, false, true, false},
      {State::locked, State::queued, "", 1, false, false, true},
      {State::locked, State::running, "holder", 1, true, false, false},
      {State::locked, State::cancelled, "", 1, false, true, false},
      {State::running, State::complete, "", 1, false, true, false},
      {State::running, State::cancelled, "", 1, false, true, false},
      {State::complete, State::cancelled, "", 1, false, false, false},
      {State::locked, State::locked, "holder", 1, false, false, false},
      {State::running, State::running, "holder", 1, false, false, false},
      {State::queued, State::queued, "", 1, false, false, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(to_string(c.from)) + " to " + std::string(to_string(c.to)));
    const auto next = apply_rules(record(c.from), holder, c.to, {}, max_attempts);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->state, c.to);
    EXPECT_EQ(next->locked_by_uuid, c.locked_by);
    EXPECT_EQ(next->lock_count, c.lock_count);
    EXPECT_EQ(next->set_started_at, c.started);
    EXPECT_EQ(next->set_finished_at, c.finished);
    EXPECT_EQ(next->clear_runtime_status, c.status_cleared);
    EXPECT_FALSE(next->too_many_attempts);
  }
}

TEST(ApplyRules, AnotherAdminsStateChangeKeepsTheLockWithItsHolder) {
  const auto next = apply_rules(record(State::locked), other_admin, State::running, {}, max_attempts);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->locked_by_uuid, "holder");
}

TEST(ApplyRules, FieldsByStateAndCaller) {
  const FieldChanges priority{.priority = true};
  const FieldChanges progress{.progress = true};
  const FieldChanges status{.runtime_status = true};
  const FieldChanges log{.progress = true, .log = true};
  struct {
    const char* what;
    State state;
    std::optional<State> wanted;
    FieldChanges fields;
    std::string holder, other_admin, own_token;
  } const cases[] = {
      {"priority", State::queued, {}, priority, "ok", "ok", "denied"},
      {"priority", State::locked, {}, priority, "ok", "ok", "denied"},
      {"priority", State::running, {}, priority, "ok", "ok", "denied"},
      {"progress", State::locked, {}, progress, "ok", "denied", "denied"},
      {"progress", State::running, {}, progress, "ok", "denied", "ok"},
      {"progress at the end", State::running, State::complete, progress, "ok", "denied", "denied"},
      {"progress on cancel", State::locked, State::cancelled, progress, "ok", "denied", "denied"},
      {"progress on cancel", State::queued, State::cancelled, progress, "ok", "ok", "denied"},
      {"log", State::running, {}, log, "ok", "denied", "denied"},
      {"log at the start", State::locked, State::running, log, "ok", "denied", "denied"},
      {"status", State::queued, {}, status, "conflict", "conflict", "denied"},
      {"status", State::locked, {}, status, "ok", "denied", "denied"},
      {"status", State::running, {}, status, "ok", "denied", "ok"},
      {"status", State::complete, {}, status, "conflict", "conflict", "denied"},
      {"status", State::cancelled, {}, status, "conflict", "conflict", "denied"},
      {"status on cancel", State::queued, State::cancelled, status, "ok", "ok", "denied"},
      {"status on cancel", State::locked, State::cancelled, status, "ok", "denied", "denied"},
      {"status on late cancel", State::complete, State::cancelled, status, "conflict", "conflict", "denied"},
      {"status on lock", State::queued, State::locked, status, "conflict", "conflict", "denied"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.what) + ", " + std::string(to_string(c.state)));
    EXPECT_EQ(verdict(apply_rules(record(c.state), holder, c.wanted, c.fields, max_attempts)), c.holder);
    EXPECT_EQ(verdict(apply_rules(record(c.state), other_admin, c.wanted, c.fields, max_attempts)), c.other_admin);
    EXPECT_EQ(verdict(apply_rules(record(c.state), own_token, c.wanted, c.fields, max_attempts)), c.own_token);
    EXPECT_EQ(verdict(apply_rules(record(c.state), nobody, c.wanted, c.fields, max_attempts)), "denied");
  }
}

TEST(ApplyRules, ARunningContainerIsClaimedAgainOnlyByItsRunner) {
  struct {
    const char* what;
    State state;
    std::string has;
    std::optional<State> wanted;
    std::string asked;
    std::string expected;
  } const cases[] = {
      {"first claim", State::locked, "", State::running, "a:0", "ok"},
      {"claim after an address was set while Locked", State::locked, "b:0", State::running, "a:0", "ok"},
      {"the same claim again", State::running, "a:0", State::running, "a:0", "ok"},
      {"another's claim", State::running, "a:0", State::running, "b:0", "conflict"},
      {"a claim without a name", State::running, "a:0", State::running, "", "conflict"},
      {"a claim of what a nameless runner runs", State::running, "", State::running, "a:0", "conflict"},
      {"no names at all", State::running, "", State::running, "", "ok"},
      {"the runner's address changes", State::running, "a:0", {}, "c:9", "ok"},
      {"the end", State::running, "a:0", State::complete, "", "ok"},
      {"a late claim", State::complete, "a:0", State::running, "a:0", "conflict"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    RecordState before = record(c.state);
    before.gateway_address = c.has;
    FieldChanges fields;
    fields.progress = !c.asked.empty();
    fields.gateway_address = c.asked;
    EXPECT_EQ(verdict(apply_rules(before, holder, c.wanted, fields, max_attempts)), c.expected);
  }
}

TEST(ApplyRules, AContainerGivenBackForgetsItsRunner) {
  for (const auto& [from, to, cleared] : {std::tuple{State::queued, State::locked, true},
                                          {State::locked, State::queued, true},
                                          {State::locked, State::running, false},
                                          {State::running, State::complete, false},
                                          {State::running, State::running, false}}) {
    SCOPED_TRACE(std::string(to_string(from)) + " to " + std::string(to_string(to)));
    const auto next = apply_rules(record(from), holder, to, {}, max_attempts);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->clear_gateway_address, cleared);
  }
}

TEST(LockRules, EveryState) {
  for (const State state : all_states) {
    SCOPED_TRACE(to_string(state));
    EXPECT_EQ(verdict(lock_rules(record(state), other_admin)), state == State::queued ? "ok" : "conflict");
    EXPECT_EQ(verdict(lock_rules(record(state), own_token)), "denied");
    EXPECT_EQ(verdict(lock_rules(record(state), nobody)), "denied");
  }
}

TEST(LockRules, RefusedWithoutPriority) {
  for (const std::int64_t priority : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    RecordState on_hold = record(State::queued);
    on_hold.priority = priority;
    EXPECT_EQ(verdict(lock_rules(on_hold, holder)), "conflict");
    EXPECT_EQ(verdict(apply_rules(on_hold, holder, State::locked, {}, max_attempts)), "conflict");
  }
}

TEST(LockRules, CountsAndRemembersWho) {
  const auto next = lock_rules(record(State::queued, 3), other_admin);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->state, State::locked);
  EXPECT_EQ(next->locked_by_uuid, "other");
  EXPECT_EQ(next->lock_count, 4);
}

TEST(UnlockRules, EveryStateAndCaller) {
  for (const State state : all_states) {
    SCOPED_TRACE(to_string(state));
    const bool locked = state == State::locked;
    EXPECT_EQ(verdict(unlock_rules(record(state), holder, max_attempts)), locked ? "ok" : "conflict");
    EXPECT_EQ(verdict(unlock_rules(record(state), other_admin, max_attempts)), locked ? "denied" : "conflict");
    EXPECT_EQ(verdict(unlock_rules(record(state), own_token, max_attempts)), "denied");
    EXPECT_EQ(verdict(unlock_rules(record(state), nobody, max_attempts)), "denied");
  }
}

TEST(UnlockRules, TooManyAttemptsCancel) {
  for (const std::int64_t lock_count : {1, 9, 10, 11}) {
    SCOPED_TRACE(lock_count);
    const auto next = unlock_rules(record(State::locked, lock_count), holder, max_attempts);
    ASSERT_TRUE(next);
    const bool too_many = lock_count >= max_attempts;
    EXPECT_EQ(next->state, too_many ? State::cancelled : State::queued);
    EXPECT_EQ(next->too_many_attempts, too_many);
    EXPECT_EQ(next->clear_runtime_status, !too_many);
    EXPECT_EQ(next->lock_count, lock_count);
    EXPECT_EQ(next->locked_by_uuid, "");
  }
}

TEST(ContainerPriority, OlderRequestsOfTheSamePriorityFirst) {
  using std::chrono::milliseconds;
  const WallTime created{milliseconds(1'767'322'800'123)};
  constexpr std::int64_t unit = std::int64_t{1} << 50;
  EXPECT_EQ(container_priority(0, created), 0);
  EXPECT_EQ(container_priority(-5, created), 0);
  EXPECT_EQ(container_priority(1, created), unit - 1'767'322'800'123);
  EXPECT_EQ(container_priority(1000, created), 1000 * unit - 1'767'322'800'123);
  EXPECT_GT(container_priority(500, created), container_priority(500, created + milliseconds(1)));
  EXPECT_GT(container_priority(2, created + milliseconds(1)), container_priority(1, created));
}

TEST(ContainerPriority, Saturates) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_GT(container_priority(most, WallTime{}), container_priority(1000, WallTime{}));
  EXPECT_EQ(container_priority(most, WallTime{}), container_priority(most - 1, WallTime{}));
  EXPECT_GT(container_priority(most, WallTime::max()), 0);
  EXPECT_GT(container_priority(most, WallTime::min()), 0);
}

}  // namespace
}  // namespace berth
