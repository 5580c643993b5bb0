#pragma once

#include <optional>

#include "berth/scheduler/plan.hpp"

#include "indexed_fleet.hpp"
#include "memo_changes.hpp"

namespace berth {

/// What passes over one PlanInput leave for the next: the sorted queue, the shelves, and for which needs nothing had
/// room (design §8). The owner of the input says what it changed. Assignments are never kept. Policy::greedy only.
class PlanMemo : public MemoChanges {
 public:
  using MemoChanges::MemoChanges;

 private:
  friend Decisions plan(const PlanInput& input, PlanMemo& memo);
  bool update_fleet();

  std::optional<IndexedFleet> fleet_;
};

/// The decisions of plan(input, Policy::greedy), at the cost of what changed and a glance at each that waits.
Decisions plan(const PlanInput& input, PlanMemo& memo);

}  // namespace berth
