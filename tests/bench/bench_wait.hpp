#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include "berth/base/runtime.hpp"

namespace berth {

/// Looks again after each `pause` until `condition` holds. Throws if it does not within five minutes: what a benchmark
/// waits for takes seconds, or never comes.
inline awaitable<void> wait_until(Runtime& runtime, Duration pause, std::string what, std::function<bool()> condition) {
  const SteadyTime deadline = runtime.now() + std::chrono::minutes(5);
  while (!condition()) {
    if (runtime.now() > deadline) throw std::runtime_error("waited in vain until " + what);
    co_await runtime.sleep_for(pause);
  }
}

}  // namespace berth
