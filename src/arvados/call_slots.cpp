#include "call_slots.hpp"

#include <utility>

namespace berth {

// A ticket in the row of waiting calls, given up however the wait ends.
struct CallSlots::Place {
  Place(CallSlots& s, Subscription wake) : slots(s) {
    const std::lock_guard lock(slots.mutex_);
    ticket = slots.tickets_++;
    slots.waiting_.emplace(ticket, std::move(wake));
  }
  ~Place() { slots.leave(ticket); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  CallSlots& slots;
  std::uint64_t ticket = 0;
};

void CallSlots::Slot::finish(CallOutcome outcome) {
  const auto owner = std::exchange(owner_, nullptr);
  if (!owner) return;
  const std::lock_guard lock(owner->mutex_);
  owner->limiter_.finish(outcome, owner->runtime_.now());
  owner->wake_first();
}

awaitable<CallSlots::Slot> CallSlots::acquire() {
  return wait_for_slot(shared_from_this());
}

awaitable<CallSlots::Slot> CallSlots::wait_for_slot(std::shared_ptr<CallSlots> self) {
  Subscription wake = Signal().subscribe();
  const Place place(*self, wake);
  while (!self->try_take(place.ticket)) {
    const auto quiet_until = self->quiet_until();
    if (quiet_until)
      co_await wake.wait_until(self->runtime_, *quiet_until);
    else
      co_await wake.wait();
  }
  co_return Slot(self);
}

bool CallSlots::try_take(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  return waiting_.begin()->first == ticket && limiter_.try_start(runtime_.now());
}

// When a 503 is the reason to wait: until when.
std::optional<SteadyTime> CallSlots::quiet_until() {
  const std::lock_guard lock(mutex_);
  const auto until = limiter_.quiet_until();
  return until && runtime_.now() < *until ? until : std::nullopt;
}

void CallSlots::leave(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(ticket);
  wake_first();
}

void CallSlots::wake_first() {
  if (!waiting_.empty()) waiting_.begin()->second.wake();
}

}  // namespace berth
