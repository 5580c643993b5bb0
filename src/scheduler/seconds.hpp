#pragma once

#include <chrono>

#include "berth/base/time.hpp"

namespace berth {

inline double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
inline Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace berth
