#pragma once

#include <chrono>

#include "berth/base/time.hpp"

namespace berth {

/// On the boot clock (base/boot_clock.hpp): what was valid before the machine slept is old when it wakes up.
struct LockClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LockClock>;
  static constexpr bool is_steady = true;
};
using LockTime = LockClock::time_point;

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
  LockTime next = LockTime::min();  ///< when the next step is due
  LockTime valid_until = LockTime::min();
  /// PostgreSQL was out of reach for us, so perhaps also for a holder, who acts on for as long as it counts on the
  /// lock.
  LockTime usable_from = LockTime::min();
  int failures = 0;  ///< in a row
  friend bool operator==(const LockState&, const LockState&) = default;
};

/// Whether the lock counts as ours at `now`.
bool held(const LockState& state, LockTime now);
LockStep next_step(LockStage stage);

// The state after a step. `sent`: when the request went out, `now`: when its outcome was known.
LockState after_connect(LockState state, LockTime now);
LockState after_try(LockState state, LockTime sent, bool locked, const LockTimes& times);
LockState after_ping(LockState state, LockTime sent, const LockTimes& times);
/// No connection, no answer in time, or the session is over. `chance` in [0, 1) spreads the retries.
LockState after_failure(LockState state, LockTime now, double chance, const LockTimes& times);

}  // namespace berth
