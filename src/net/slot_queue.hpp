#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "berth/base/asio.hpp"

namespace berth {

/// A number of slots, handed out first come, first served. Used on one strand.
class SlotQueue : public std::enable_shared_from_this<SlotQueue> {
 public:
  explicit SlotQueue(std::size_t slots) : free_(slots) {}

  /// A slot that its holder gives back by dying.
  class Slot {
   public:
    explicit Slot(std::shared_ptr<SlotQueue> queue) : queue_(std::move(queue)) {}
    ~Slot() {
      if (queue_) queue_->give_back();
    }
    Slot(Slot&&) = default;
    Slot& operator=(Slot&&) = delete;

   private:
    std::shared_ptr<SlotQueue> queue_;
  };

  awaitable<Slot> acquire();
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiter;
  void give_back();

  std::size_t free_;
  std::deque<Waiter*> waiting_;  // live in the frames of acquire()
};

}  // namespace berth
