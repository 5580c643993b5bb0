#pragma once

#include <memory>

#include "berth/base/asio.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// One subscriber's end of a Signal. Not thread-safe: one task waits on it at a time.
class Subscription {
 public:
  Subscription() = default;
  /// Returns when the signal was raised since the last wait returned (at once if it already was). Many raises are one.
  awaitable<void> wait();
  /// The same, but at `deadline` at the latest; true if raised.
  awaitable<bool> wait_until(Runtime& runtime, SteadyTime deadline);
  /// Raises this subscription alone: a wake-up of one's own.
  void wake();

 private:
  friend class Signal;
  struct State;
  explicit Subscription(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// "Something changed": wakes every subscriber, never blocks, carries no data, coalesces. Thread-safe.
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  void notify();
  Subscription subscribe();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth
