#pragma once

#include <cstdint>
#include <optional>

#include "berth/base/time.hpp"

namespace berth {

enum class CallOutcome {
  success,     ///< 2xx or 3xx
  overloaded,  ///< 503
  other,
};

/// How many calls may be in flight (facts §2.1): starts at 8, halves at a 503 and lets nothing new start for a second,
/// grows by a tenth with each success.
class Limiter {
 public:
  /// `cap`: the limit's upper bound; 0 = none.
  explicit Limiter(std::int64_t cap);

  /// Takes a slot if there is one.
  bool try_start(SteadyTime now);
  /// Gives a slot back.
  void finish(CallOutcome outcome, SteadyTime now);

  std::int64_t limit() const { return limit_; }
  std::int64_t in_flight() const { return in_flight_; }
  /// Until then nothing starts, because of a 503.
  std::optional<SteadyTime> quiet_until() const { return quiet_until_; }

 private:
  std::int64_t cap_;
  std::int64_t limit_;
  std::int64_t in_flight_ = 0;
  std::optional<SteadyTime> quiet_until_;
};

}  // namespace berth
