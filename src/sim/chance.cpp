#include "chance.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace berth {

// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t Chance::bits() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double Chance::fraction() {
  return static_cast<double>(bits() >> 11) * 0x1p-53;
}

bool Chance::with(double probability) {
  return probability > 0 && fraction() < probability;
}

std::int64_t Chance::between(std::int64_t least, std::int64_t most) {
  if (most <= least) return least;
  const auto width = static_cast<std::uint64_t>(most - least) + 1;
  return least + static_cast<std::int64_t>(bits() % width);
}

Duration Chance::between(Duration least, Duration most) {
  return Duration(between(least.count(), most.count()));
}

Duration Chance::draw(const DelayModel& model) {
  double factor = 1;
  if (model.spread > 0) {
    const double radius = std::sqrt(-2 * std::log(1 - fraction()));
    factor = std::exp(model.spread * radius * std::cos(2 * std::numbers::pi * fraction()));
  }
  const double drawn = static_cast<double>(model.median.count()) * factor;
  const double most = static_cast<double>(model.most.count());
  return std::max(model.least, Duration(static_cast<std::int64_t>(std::min(drawn, most))));
}

Duration Chance::until_next(double per_hour) {
  const double hours = -std::log(1 - fraction()) / per_hour;
  constexpr double longest = 24.0 * 365;
  return Duration(static_cast<std::int64_t>(std::min(hours, longest) * 3.6e12));
}

}  // namespace berth
