#include "loop_lag.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/gauge.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

/// A stall shorter than this may pass between two looks.
constexpr Duration kLookInterval = 100ms;
constexpr Duration kWindow = 1min;

}  // namespace

Duration RecentMaximum::add(SteadyTime now, Duration value) {
  if (now - begun_ >= window_) {
    previous_ = now - begun_ >= 2 * window_ ? Duration{} : current_;
    current_ = {};
    begun_ = now;
  }
  current_ = std::max(current_, value);
  return std::max(previous_, current_);
}

awaitable<void> watch_loop_lag(Runtime& runtime, Metrics& metrics) {
  prometheus::Gauge& gauge =
      metrics.gauge("berth_event_loop_lag_seconds",
                    "How late the event loop served a timer, at worst, in the last one to two minutes.");
  RecentMaximum worst(runtime.now(), kWindow);
  for (;;) {
    const SteadyTime due = runtime.now() + kLookInterval;
    co_await runtime.sleep_until(due);
    const SteadyTime now = runtime.now();
    gauge.Set(std::chrono::duration<double>(worst.add(now, std::max(Duration{}, now - due))).count());
  }
}

}  // namespace berth
