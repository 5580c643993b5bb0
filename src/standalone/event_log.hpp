#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/signal.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// A saved change of a record, as the event bus tells it (facts §11). Priorities of containers are not among them.
struct Event {
  std::int64_t id = 0;  ///< given by the log
  std::string uuid;     ///< of the log row
  std::string object_uuid;
  std::string event_type;  ///< `create`, `update`
  WallTime event_at{};
  std::optional<std::string> old_state;
  std::string new_state;
};
using EventPtr = std::shared_ptr<const Event>;

/// The events of the last ten minutes, in memory, and those who follow them. Thread-safe.
class EventLog {
 public:
  /// One follower's queue. When it is full, the follower is too slow and gets nothing more.
  class Follower {
   public:
    /// Those that came since the last call.
    std::vector<EventPtr> take();
    bool is_overrun() const;
    Subscription& arrived() { return arrived_; }

   private:
    friend class EventLog;
    mutable std::mutex mutex_;
    std::deque<EventPtr> queue_;
    bool overrun_ = false;
    Subscription arrived_ = Signal().subscribe();
  };

  /// The first event gets the id after `last_id`.
  explicit EventLog(std::int64_t last_id) : last_id_(last_id) {}
  void publish(std::vector<Event> events);
  std::shared_ptr<Follower> follow();
  /// Of the kept ones those with a larger id.
  std::vector<EventPtr> after(std::int64_t id) const;

 private:
  mutable std::mutex mutex_;
  std::int64_t last_id_;
  std::deque<EventPtr> kept_;
  std::vector<std::weak_ptr<Follower>> followers_;
};

}  // namespace berth
