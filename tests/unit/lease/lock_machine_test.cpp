#include "lock_machine.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace berth {
namespace {

using namespace std::chrono_literals;

LockTime at(Duration since_start) {
  return LockTime(since_start);
}

constexpr LockTimes kTimes;

TEST(LockMachine, StepOfEachStage) {
  EXPECT_EQ(next_step(LockStage::apart), LockStep::connect);
  EXPECT_EQ(next_step(LockStage::waiting), LockStep::try_lock);
  EXPECT_EQ(next_step(LockStage::holding), LockStep::ping);
  EXPECT_LE(LockState{}.next, at(0s)) << "the first connection is made at once";
}

TEST(LockMachine, Held) {
  struct Case {
    LockStage stage;
    Duration valid_until, now;
    bool held;
  };
  for (const Case& c : {Case{LockStage::holding, 4s, 0s, true}, Case{LockStage::holding, 4s, 4s - 1ns, true},
                        Case{LockStage::holding, 4s, 4s, false}, Case{LockStage::holding, 4s, 1h, false},
                        Case{LockStage::waiting, 4s, 0s, false}, Case{LockStage::apart, 4s, 0s, false}})
    EXPECT_EQ(held(LockState{.stage = c.stage, .valid_until = at(c.valid_until)}, at(c.now)), c.held)
        << static_cast<int>(c.stage) << ' ' << c.now.count();
}

TEST(LockMachine, Trying) {
  struct Case {
    const char* what;
    Duration usable_from, sent;
    bool locked;
    LockStage stage;
    Duration next;
  };
  const std::vector<Case> cases = {
      {"another has it: again in a second", 0s, 10s, false, LockStage::waiting, 11s},
      {"ours: ping in two seconds", 0s, 10s, true, LockStage::holding, 12s},
      {"ours, just late enough", 10s, 10s, true, LockStage::holding, 12s},
      {"ours, but an earlier holder may still act", 10500ms, 10s, true, LockStage::waiting, 10500ms},
      {"ours, but for long yet", 13s, 10s, true, LockStage::waiting, 11s},
      {"another's, and too early", 10500ms, 10s, false, LockStage::waiting, 11s},
  };
  for (const Case& c : cases) {
    LockState before{.stage = LockStage::waiting, .usable_from = at(c.usable_from), .failures = 3};
    const LockState state = after_try(before, at(c.sent), c.locked, kTimes);
    EXPECT_EQ(state.stage, c.stage) << c.what;
    EXPECT_EQ(state.next, at(c.next)) << c.what;
    EXPECT_EQ(state.failures, 0) << c.what;
    EXPECT_EQ(held(state, at(c.sent)), c.stage == LockStage::holding) << c.what;
  }
}

TEST(LockMachine, WhatCountsIsWhenThePingWasSent) {
  LockState state = after_try({.stage = LockStage::waiting}, at(10s), true, kTimes);
  EXPECT_EQ(state.valid_until, at(14s));
  state = after_ping(state, at(12s), kTimes);
  EXPECT_EQ(state.valid_until, at(16s));
  EXPECT_EQ(state.next, at(14s));
  EXPECT_EQ(state.next + kTimes.answer_limit(), state.valid_until) << "a ping fails just when the time is up";
}

TEST(LockMachine, AFailureEndsTheHoldingAtOnce) {
  LockState state = after_try({.stage = LockStage::waiting}, at(10s), true, kTimes);
  state = after_failure(state, at(11s), 0, kTimes);
  EXPECT_EQ(state.stage, LockStage::apart);
  EXPECT_FALSE(held(state, at(11s)));
  EXPECT_EQ(state.usable_from, at(15s)) << "whoever held it when PostgreSQL went away stops within the validity";
}

TEST(LockMachine, RetriesBackOffAndSpread) {
  LockState state;
  std::vector<Duration> delays;
  for (int i = 0; i < 6; ++i) {
    state = after_failure(state, at(0s), 0.5, kTimes);
    delays.push_back(state.next - at(0s));
  }
  EXPECT_EQ(delays, (std::vector<Duration>{250ms, 500ms, 1s, 2s, 2s, 2s}));
  EXPECT_EQ(after_failure({}, at(0s), 0, kTimes).next, at(187500us));
  EXPECT_LT(after_failure({.failures = 1000000}, at(0s), 0.999, kTimes).next, at(2500ms));
  EXPECT_EQ(after_connect(state, at(5s)).failures, 6) << "only an answer about the lock is a success";
}

/// The sums behind "a standby takes over within 15 s": PostgreSQL drops a silent holder after 11 s
/// (postgres_session.cpp).
TEST(LockMachine, TakeOverAfterACutNetwork) {
  EXPECT_LT(kTimes.validity, 10s) << "the holder has stopped before PostgreSQL may drop it";
  EXPECT_LE(11s + kTimes.poll_interval + kTimes.answer_limit(), 15s);
}

}  // namespace
}  // namespace berth
