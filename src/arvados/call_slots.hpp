#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"

#include "limiter.hpp"

namespace berth {

/// Slots of a Limiter, first come, first served. Thread-safe; cancelling a wait gives its place up.
class CallSlots : public std::enable_shared_from_this<CallSlots> {
 public:
  /// A place among the calls in flight. What is not reported by finish() counts as CallOutcome::other.
  class Slot {
   public:
    explicit Slot(std::shared_ptr<CallSlots> owner) : owner_(std::move(owner)) {}
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&&) = delete;
    ~Slot() { finish(CallOutcome::other); }
    void finish(CallOutcome outcome);

   private:
    std::shared_ptr<CallSlots> owner_;
  };

  CallSlots(Runtime& runtime, std::int64_t cap) : runtime_(runtime), limiter_(cap) {}
  /// Waits for a slot.
  awaitable<Slot> acquire();

 private:
  struct Place;
  bool try_take(std::uint64_t ticket);
  std::optional<SteadyTime> quiet_until();
  void leave(std::uint64_t ticket);
  void wake_first();
  static awaitable<Slot> wait_for_slot(std::shared_ptr<CallSlots> self);

  Runtime& runtime_;
  std::mutex mutex_;
  Limiter limiter_;
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, Subscription> waiting_;  // by ticket: the first is served first
};

}  // namespace berth
