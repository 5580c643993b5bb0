#include "lock_machine.hpp"

#include <algorithm>

namespace berth {

bool held(const LockState& state, LockTime now) {
  return state.stage == LockStage::holding && now < state.valid_until;
}

LockStep next_step(LockStage stage) {
  switch (stage) {
    case LockStage::apart:
      return LockStep::connect;
    case LockStage::waiting:
      return LockStep::try_lock;
    case LockStage::holding:
      return LockStep::ping;
  }
  return LockStep::connect;
}

LockState after_connect(LockState state, LockTime now) {
  state.stage = LockStage::waiting;
  state.next = now;
  return state;
}

LockState after_try(LockState state, LockTime sent, bool locked, const LockTimes& times) {
  state.failures = 0;
  if (locked && sent >= state.usable_from) {
    state.stage = LockStage::holding;
    return after_ping(state, sent, times);
  }
  state.next = sent + times.poll_interval;
  if (locked) state.next = std::min(state.next, state.usable_from);
  return state;
}

LockState after_ping(LockState state, LockTime sent, const LockTimes& times) {
  state.next = sent + times.ping_interval;
  state.valid_until = sent + times.validity;
  return state;
}

LockState after_failure(LockState state, LockTime now, double chance, const LockTimes& times) {
  Duration delay = times.least_retry;
  for (int i = 0; i < state.failures && delay < times.most_retry; ++i) delay *= 2;
  delay = std::min(delay, times.most_retry);
  ++state.failures;
  state.stage = LockStage::apart;
  state.next = now + std::chrono::duration_cast<Duration>(delay * (0.75 + chance / 2));
  state.valid_until = LockTime::min();
  state.usable_from = now + times.validity;
  return state;
}

}  // namespace berth
