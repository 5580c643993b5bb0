#include "loop_lag.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/gauge.h>

#include "berth/base/handler_times.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

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
                    "Longest time that a handler held a thread of the event loop, or that a timer was late, in the "
                    "last one to two minutes.");
  RecentMaximum worst(runtime.now(), kWindow);
  for (;;) {
    const SteadyTime due = runtime.now() + kLookInterval;
    co_await runtime.sleep_until(due);
    const SteadyTime now = runtime.now();
    const Duration lag = std::max(now - due, take_longest_handler(runtime));
    gauge.Set(std::chrono::duration<double>(worst.add(now, lag)).count());
  }
}

}  // namespace berth
