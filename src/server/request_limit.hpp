#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"

namespace berth {

/// How many requests of the management API are answered at a time, and how many wait for that
/// (`API.MaxConcurrentRequests`, `API.MaxQueuedRequests`; facts §9.1, §10). Thread-safe. Outlives its slots.
class RequestLimit {
 public:
  /// `at_once` 0: no limit.
  RequestLimit(Runtime& runtime, Metrics& metrics, std::int64_t at_once, std::int64_t waiting);

  /// The right to be answered; given back by the destructor. False: the queue is full.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(RequestLimit* limit) : limit_(limit) {}
    Slot(Slot&& other) noexcept : limit_(other.limit_) { other.limit_ = nullptr; }
    Slot& operator=(Slot&& other) = delete;
    ~Slot() {
      if (limit_ != nullptr) limit_->leave();
    }
    explicit operator bool() const { return limit_ != nullptr; }

   private:
    RequestLimit* limit_ = nullptr;
  };
  /// In order of arrival.
  awaitable<Slot> enter();

 private:
  struct Waiting;
  void leave();
  void give_up(const std::shared_ptr<Waiting>& waiting, SteadyTime since);
  void show();

  Runtime& runtime_;
  const std::int64_t at_once_, most_waiting_;
  prometheus::Gauge& active_gauge_;
  prometheus::Gauge& queued_gauge_;
  prometheus::Summary& delay_;
  prometheus::Summary& timeout_;
  std::mutex mutex_;  // guards what follows
  std::int64_t active_ = 0;
  std::deque<std::shared_ptr<Waiting>> queue_;
};

}  // namespace berth
