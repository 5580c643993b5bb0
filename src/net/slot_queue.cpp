#include "slot_queue.hpp"

#include <algorithm>

#include "berth/base/signal.hpp"

namespace berth {

struct SlotQueue::Waiter {
  enum class State { waiting, granted, taken };

  explicit Waiter(SlotQueue& q) : queue(q) { queue.waiting_.push_back(this); }
  ~Waiter() {
    if (state == State::waiting) std::erase(queue.waiting_, this);
    if (state == State::granted) queue.give_back();  // cancelled between the grant and taking it
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  SlotQueue& queue;
  State state = State::waiting;
  Signal grant;
  Subscription woken = grant.subscribe();
};

awaitable<SlotQueue::Slot> SlotQueue::acquire() {
  auto self = shared_from_this();
  if (free_ > 0) {
    --free_;
  } else {
    Waiter waiter(*this);
    co_await waiter.woken.wait();
    waiter.state = Waiter::State::taken;
  }
  co_return Slot(std::move(self));
}

void SlotQueue::give_back() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  Waiter* next = waiting_.front();
  waiting_.pop_front();
  next->state = Waiter::State::granted;
  next->grant.notify();
}

}  // namespace berth
