#include "patience.hpp"

#include <algorithm>
#include <chrono>

namespace berth {

bool is_away(const Error& error) {
  return error.kind == ErrorKind::network || error.kind == ErrorKind::timeout || error.kind == ErrorKind::unavailable;
}

std::optional<Duration> pause_after(int failures, Duration away) {
  using namespace std::chrono_literals;
  if (away >= 5min) return std::nullopt;
  const Duration doubled = Duration(200ms) * (1 << std::clamp(failures - 1, 0, 10));
  return std::min<Duration>(doubled, 5s);
}

}  // namespace berth
