#pragma once

#include <cstdint>
#include <deque>

#include "berth/base/time.hpp"

namespace berth {

/// When rounds of probes begin, and probes within them (facts §6.8): a value that reads no clock.
class ProbePace {
 public:
  /// `max_per_second`: 0 = unlimited.
  ProbePace(Duration interval, std::int64_t max_per_second);

  /// Bound of the random part of a round's interval.
  Duration jitter() const;
  SteadyTime next_round() const { return next_round_; }
  /// A round begins now.
  void begin_round(SteadyTime now, Duration jitter);
  /// How late the latest round began, or the next one is, whichever is more.
  Duration lateness(SteadyTime now) const;
  /// Whether a round of so many takes no longer than its interval.
  bool fits(std::size_t workers) const;
  /// A probe began now: when the next may. Evenly spaced, but that a late wake-up is made up for; never more than the
  /// cap within any second.
  SteadyTime next_probe(SteadyTime now);

 private:
  Duration interval_;
  std::int64_t max_per_second_;
  Duration spacing_{};
  bool begun_ = false;
  Duration late_{};  ///< of the latest round
  SteadyTime next_round_{};
  SteadyTime next_probe_{};
  std::deque<SteadyTime> last_second_;  ///< when its probes began
};

}  // namespace berth
