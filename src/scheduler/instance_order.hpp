#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/scheduler/plan.hpp"

namespace berth {

/// Gives each instance a number, so that comparing two numbers tells which comes first among instances of equal types:
/// pending creates, newest first, then by id. Gaps are left, so that one can come in between.
class InstanceOrder {
 public:
  explicit InstanceOrder(const std::vector<PlanInstance>& instances);

  std::uint32_t of(std::uint32_t instance) const { return places_[instance].number; }
  /// The instance came, changed or went. False if no number is free where it belongs: number all anew. Pending creates
  /// must be told in the order in which they were asked for.
  bool update(std::uint32_t instance, const PlanInstance& now);

  /// Number of a create that is newer than all; release_pending() gives such numbers back.
  std::uint32_t next_pending() { return --next_pending_; }
  void release_pending() { next_pending_ = lowest_known_; }

 private:
  struct Place {
    std::string id;
    std::uint64_t asked = 0;  ///< PlanInstance::number, if pending
    std::uint32_t number = 0;
    bool present = false;
  };
  bool is_known_as(const Place& place, const PlanInstance& now) const;
  void leave(std::uint32_t instance);
  bool enter_pending(Place& place, const PlanInstance& now);
  bool enter_by_id(std::uint32_t instance, const PlanInstance& now);

  std::vector<Place> places_;         // by instance
  std::vector<std::uint32_t> by_id_;  // those with an id
  std::uint32_t next_pending_;
  std::uint32_t lowest_known_;
  std::uint64_t last_asked_ = 0;
};

}  // namespace berth
