#pragma once

#include "berth/base/asio.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// The largest of the values of the last one to two windows of time: it rises at once and does not stay for ever.
class RecentMaximum {
 public:
  RecentMaximum(SteadyTime now, Duration window) : window_(window), begun_(now) {}
  Duration add(SteadyTime now, Duration value);

 private:
  Duration window_;
  SteadyTime begun_;
  Duration previous_{};
  Duration current_{};
};

/// Keeps `berth_event_loop_lag_seconds`: the longest time that a handler held a thread of the event loop, or that a
/// timer was late, within the last one to two minutes. Until cancelled.
awaitable<void> watch_loop_lag(Runtime& runtime, Metrics& metrics);

}  // namespace berth
