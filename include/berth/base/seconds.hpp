#pragma once

#include "berth/base/time.hpp"

namespace berth {

inline double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace berth
