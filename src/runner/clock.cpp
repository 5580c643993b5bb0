#include "clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <sys/random.h>
#include <thread>
#include <unistd.h>

namespace berth::runner {

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

WallTime wall_now() {
  return std::chrono::system_clock::now();
}

std::string log_time(WallTime time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(ms % 1000));
  return text.data();
}

Duration random_below(Duration bound) {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits || bound <= Duration::zero()) return bound / 2;
  return std::chrono::duration_cast<Duration>(bound * (bits / 4294967296.0));
}

std::string random_name() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits)  // never on Linux since 3.17
    bits = static_cast<std::uint64_t>(wall_now().time_since_epoch().count()) ^ static_cast<std::uint64_t>(::getpid())
                                                                                   << 48;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(bits));
  return text.data();
}

void sleep_briefly(Duration duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace berth::runner
