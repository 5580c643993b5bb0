#include "event_queue.hpp"

#include <algorithm>
#include <utility>

namespace berth {

bool EventQueue::later(const Planned& a, const Planned& b) {
  return a.when != b.when ? a.when > b.when : a.number > b.number;
}

void EventQueue::at(SteadyTime when, std::function<void()> action) {
  heap_.push_back({when, planned_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

std::function<void()> EventQueue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  auto action = std::move(heap_.back().action);
  heap_.pop_back();
  return action;
}

}  // namespace berth
