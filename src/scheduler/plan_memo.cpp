#include "plan_memo.hpp"

#include <algorithm>

#include "mapping_pass.hpp"

namespace berth {

/// False: a new fleet is needed.
bool PlanMemo::update_fleet() {
  const auto changed = take_changed_instances();
  if (!fleet_ || !changed) return false;
  fleet_->learn_needs();
  return std::all_of(changed->begin(), changed->end(), [&](std::uint32_t i) { return fleet_->update(i); });
}

Decisions plan(const PlanInput& input, PlanMemo& memo) {
  const WaitingQueue& queue = memo.caught_up_queue();
  if (!memo.update_fleet()) memo.fleet_.emplace(input, rules_of(Policy::greedy).gpu_memory);
  memo.fleet_->begin_pass();
  Decisions made = mapping_pass(input, queue, *memo.fleet_, rules_of(Policy::greedy), nullptr);
  memo.fleet_->end_pass();
  return made;
}

}  // namespace berth
