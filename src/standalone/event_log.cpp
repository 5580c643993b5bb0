#include "event_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace berth {
namespace {

constexpr std::size_t kQueue = 64;  // API.WebsocketClientEventQueue
constexpr Duration kKept = std::chrono::minutes(10);
constexpr std::size_t kMostKept = 10'000;

}  // namespace

std::vector<EventPtr> EventLog::Follower::take() {
  const std::lock_guard lock(mutex_);
  const std::deque<EventPtr> taken = std::exchange(queue_, {});
  return {taken.begin(), taken.end()};
}

bool EventLog::Follower::is_overrun() const {
  const std::lock_guard lock(mutex_);
  return overrun_;
}

void EventLog::publish(std::vector<Event> events) {
  if (events.empty()) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [](const auto& follower) { return follower.expired(); });
  for (Event& event : events) {
    event.id = ++last_id_;
    kept_.push_back(std::make_shared<const Event>(std::move(event)));
    for (const auto& weak : followers_) {
      const auto follower = weak.lock();
      if (!follower) continue;
      const std::lock_guard its_lock(follower->mutex_);
      follower->overrun_ = follower->overrun_ || follower->queue_.size() >= kQueue;
      if (!follower->overrun_) follower->queue_.push_back(kept_.back());
    }
  }
  const WallTime oldest = kept_.back()->event_at - kKept;
  while (kept_.size() > kMostKept || kept_.front()->event_at < oldest) kept_.pop_front();
  for (const auto& weak : followers_)
    if (const auto follower = weak.lock()) follower->arrived_.wake();
}

std::shared_ptr<EventLog::Follower> EventLog::follow() {
  auto follower = std::make_shared<Follower>();
  const std::lock_guard lock(mutex_);
  followers_.push_back(follower);
  return follower;
}

std::vector<EventPtr> EventLog::after(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto first = std::upper_bound(kept_.begin(), kept_.end(), id,
                                      [](std::int64_t i, const EventPtr& event) { return i < event->id; });
  return {first, kept_.end()};
}

}  // namespace berth
