#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "indexed_fleet.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// What passes over one PlanInput leave for the next: the sorted queue, the shelves, and for which needs nothing had
/// room (design §8). The owner of the input says what it changed. Assignments are never kept. Policy::greedy only.
class PlanMemo {
 public:
  /// `input` must outlive it. Types stay as they are; needs and type lists are only added.
  explicit PlanMemo(const PlanInput& input) : input_(input) {}

  /// The container came, changed or went.
  void container_changed(std::uint32_t container) { containers_.push_back(container); }
  /// The instance came, changed or went, or a container listed on it has come or gone.
  void instance_changed(std::uint32_t instance) { instances_.push_back(instance); }

 private:
  friend Decisions plan(const PlanInput& input, PlanMemo& memo);
  void catch_up();
  bool update_fleet();

  const PlanInput& input_;
  std::vector<std::uint32_t> containers_;  // changed since the last pass
  std::vector<std::uint32_t> instances_;
  std::int64_t max_per_instance_ = 0;
  std::optional<WaitingQueue> queue_;
  std::optional<IndexedFleet> fleet_;
};

/// The decisions of plan(input, Policy::greedy), at the cost of what changed and a glance at each that waits.
Decisions plan(const PlanInput& input, PlanMemo& memo);

}  // namespace berth
