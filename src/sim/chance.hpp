#pragma once

#include <cstdint>

#include "berth/base/time.hpp"
#include "berth/sim/world.hpp"

namespace berth {

/// A stream of chance of its own: what the world draws does not depend on what the dispatcher draws.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits();
  /// Uniform in [0, 1).
  double fraction();
  bool with(double probability);
  /// Uniform in [least, most].
  std::int64_t between(std::int64_t least, std::int64_t most);
  Duration between(Duration least, Duration most);
  Duration draw(const DelayModel& model);
  /// Until the next of events that come at this rate.
  Duration until_next(double per_hour);

 private:
  std::uint64_t state_;
};

}  // namespace berth
