#include "event_queue.hpp"

#include <algorithm>
#include <utility>

namespace berth {

bool EventQueue::later(const Planned& a, const Planned& b) {
  return a.when != b.when ? a.when > b.when : a.number > b.number;
}

void EventQueue::at(SteadyTime when, std::function<void()> action) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(actions_.size()));
    actions_.emplace_back();
  }
  actions_[free_.back()] = std::move(action);
  heap_.push_back({when, planned_++, free_.back()});
  free_.pop_back();
  std::push_heap(heap_.begin(), heap_.end(), later);
}

std::function<void()> EventQueue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  const std::uint32_t place = heap_.back().action;
  heap_.pop_back();
  free_.push_back(place);
  return std::exchange(actions_[place], nullptr);
}

}  // namespace berth
