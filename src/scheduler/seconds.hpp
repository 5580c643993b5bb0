#pragma once

#include <chrono>

#include "berth/base/seconds.hpp"

namespace berth {

inline Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace berth
