#pragma once

#include "berth/base/time.hpp"

namespace berth {

/// Where the holder of a session, or who wants to be it, stands.
enum class LockStage {
  apart,    ///< no session
  waiting,  ///< a session; the lock is another's, or it is too early to use it
  holding,
};
/// What is done next.
enum class LockStep { connect, try_lock, ping };

struct LockTimes {
  Duration ping_interval = std::chrono::seconds(2);
  /// How long after the sending of the last answered request the lock counts as ours.
  Duration validity = std::chrono::seconds(4);
  Duration poll_interval = std::chrono::seconds(1);
  Duration least_retry = std::chrono::milliseconds(250);
  Duration most_retry = std::chrono::seconds(2);
  /// How long an answer may take. A ping that goes out in time fails just when the lock stops counting as ours.
  Duration answer_limit() const { return validity - ping_interval; }
};

struct LockState {
  LockStage stage = LockStage::apart;
  SteadyTime next = SteadyTime::min();  ///< when the next step is due
  SteadyTime valid_until = SteadyTime::min();
  /// PostgreSQL was out of reach for us, so perhaps also for a holder, who acts on for as long as it counts on the
  /// lock.
  SteadyTime usable_from = SteadyTime::min();
  int failures = 0;  ///< in a row
  friend bool operator==(const LockState&, const LockState&) = default;
};

/// Whether the lock counts as ours at `now`.
bool held(const LockState& state, SteadyTime now);
LockStep next_step(LockStage stage);

// The state after a step. `sent`: when the request went out, `now`: when its outcome was known.
LockState after_connect(LockState state, SteadyTime now);
LockState after_try(LockState state, SteadyTime sent, bool locked, const LockTimes& times);
LockState after_ping(LockState state, SteadyTime sent, const LockTimes& times);
/// No connection, no answer in time, or the session is over. `chance` in [0, 1) spreads the retries.
LockState after_failure(LockState state, SteadyTime now, double chance, const LockTimes& times);

}  // namespace berth
