#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "berth/base/time.hpp"

#include "polled_records.hpp"

namespace berth {

/// Remembers uuids for some time, and of many the latest.
class RecentUuids {
 public:
  RecentUuids(Duration time, std::size_t most) : time_(time), most_(most) {}

  void add(const std::string& uuid, SteadyTime now) {
    forget_old(now);
    if (!uuids_.insert(uuid).second) return;
    order_.emplace_back(now, uuid);
    if (order_.size() > most_) forget_oldest();
  }
  bool contains(std::string_view uuid, SteadyTime now) {
    forget_old(now);
    return uuids_.contains(uuid);
  }

 private:
  void forget_old(SteadyTime now) {
    while (!order_.empty() && now - order_.front().first >= time_) forget_oldest();
  }
  void forget_oldest() {
    uuids_.erase(order_.front().second);
    order_.pop_front();
  }

  const Duration time_;
  const std::size_t most_;
  UuidSet uuids_;
  std::deque<std::pair<SteadyTime, std::string>> order_;
};

}  // namespace berth
