#pragma once

#include <functional>

#include "berth/base/time.hpp"

namespace berth {

/// Time that has passed since some fixed moment, suspension of the machine included: Runtime::now() and every timer
/// stand still then. For what must not be relied on after a while, whatever happened to this machine meanwhile.
/// Thread-safe.
using BootClock = std::function<Duration()>;

/// Since the machine booted: Linux's CLOCK_BOOTTIME.
Duration time_since_boot();

}  // namespace berth
