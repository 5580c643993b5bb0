#pragma once

#include <cstdint>

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
  /// A round begins now; returns how much later than it should: rounds take longer than their interval when there are
  /// more workers than interval × cap.
  Duration begin_round(SteadyTime now, Duration jitter);
  /// A probe began now: when the next may. The cap is kept on average; a late wake-up is made up for.
  SteadyTime next_probe(SteadyTime now);

 private:
  Duration interval_;
  Duration spacing_{};
  bool begun_ = false;
  SteadyTime next_round_{};
  SteadyTime next_probe_{};
};

}  // namespace berth
