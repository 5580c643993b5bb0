#include "berth/base/boot_clock.hpp"

#include <ctime>

namespace berth {

Duration time_since_boot() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);  // cannot fail: Linux has had it since 2.6.39
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace berth
