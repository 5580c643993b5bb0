#pragma once

#include <chrono>

namespace berth {

using Duration = std::chrono::nanoseconds;
/// Monotonic time; only differences mean anything.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// UTC time of day, as records and logs carry it. The epoch means "unset" in records.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

}  // namespace berth
