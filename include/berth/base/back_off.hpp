#pragma once

#include <algorithm>
#include <cstdint>

#include "berth/base/time.hpp"

namespace berth {

/// How long the next connection waits after failed ones (pure): doubling, less a random part of up to a half, so that
/// those who were lost together do not come back together.
class BackOff {
 public:
  BackOff(Duration first, Duration longest) : first_(first), longest_(longest) {}

  /// After one more failure; `random`: 64 random bits.
  Duration after_failure(std::uint64_t random) {
    next_ = next_ == Duration::zero() ? first_ : std::min(next_ * 2, longest_);
    const std::uint64_t half = static_cast<std::uint64_t>(next_.count()) / 2;
    return next_ - Duration(static_cast<std::int64_t>(half == 0 ? 0 : random % half));
  }
  void reset() { next_ = Duration::zero(); }

 private:
  Duration first_;
  Duration longest_;
  Duration next_ = Duration::zero();
};

}  // namespace berth
