#pragma once

#include <atomic>
#include <chrono>
#include <utility>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include "berth/base/asio.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// How long handlers of an event loop hold its threads; belongs to the io_context. Thread-safe.
class HandlerTimes : public asio::execution_context::service {
 public:
  using key_type = HandlerTimes;
  static inline asio::execution_context::id id;
  explicit HandlerTimes(asio::execution_context& context) : service(context) {}

  void add(Duration took) {
    Duration::rep longest = longest_.load(std::memory_order_relaxed);
    while (took.count() > longest &&
           !longest_.compare_exchange_weak(longest, took.count(), std::memory_order_relaxed)) {
    }
  }
  Duration take_longest() { return Duration(longest_.exchange(0, std::memory_order_relaxed)); }

 private:
  void shutdown() override {}
  std::atomic<Duration::rep> longest_ = 0;
};

/// Times one handler; those that run inside of it are part of it.
class HandlerTimer {
 public:
  explicit HandlerTimer(HandlerTimes& times) : times_(std::exchange(running_, true) ? nullptr : &times) {
    if (times_ != nullptr) begun_ = std::chrono::steady_clock::now();
  }
  ~HandlerTimer() {
    if (times_ == nullptr) return;
    running_ = false;
    times_->add(std::chrono::steady_clock::now() - begun_);
  }
  HandlerTimer(const HandlerTimer&) = delete;
  HandlerTimer& operator=(const HandlerTimer&) = delete;

 private:
  static inline thread_local bool running_ = false;
  HandlerTimes* times_;
  SteadyTime begun_{};
};

/// `Inner` (an io_context's executor), and what it runs is timed.
template <class Inner>
class TimedExecutor {
 public:
  TimedExecutor(Inner inner, HandlerTimes& times) noexcept : inner_(std::move(inner)), times_(&times) {}

  template <class Property>
  auto query(const Property& property) const noexcept -> decltype(asio::query(std::declval<const Inner&>(), property)) {
    return asio::query(inner_, property);
  }
  template <class Property>
  auto require(const Property& property) const
      -> TimedExecutor<std::decay_t<decltype(asio::require(std::declval<const Inner&>(), property))>> {
    return {asio::require(inner_, property), *times_};
  }
  template <class Property>
  auto prefer(const Property& property) const
      -> TimedExecutor<std::decay_t<decltype(asio::prefer(std::declval<const Inner&>(), property))>> {
    return {asio::prefer(inner_, property), *times_};
  }
  template <class Handler>
  void execute(Handler&& handler) const {
    inner_.execute([times = times_, handler = std::forward<Handler>(handler)]() mutable {
      const HandlerTimer timer(*times);
      std::move(handler)();
    });
  }
  friend bool operator==(const TimedExecutor& a, const TimedExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.times_ == b.times_;
  }
  friend bool operator!=(const TimedExecutor& a, const TimedExecutor& b) noexcept { return !(a == b); }

 private:
  Inner inner_;
  HandlerTimes* times_;
};

}  // namespace berth
