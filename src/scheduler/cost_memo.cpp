#include "cost_memo.hpp"

#include <algorithm>

namespace berth {

/// False: a new fleet is needed.
bool CostMemo::update_fleet() {
  const auto changed = take_changed_instances();
  if (!fleet_ || !changed) return false;
  for (const std::uint32_t i : *changed) fleet_->withdraw(i);
  if (!std::all_of(changed->begin(), changed->end(), [&](std::uint32_t i) { return fleet_->update(i); })) return false;
  fleet_->learn_needs();
  return true;
}

Decisions plan(const PlanInput& /*input*/, CostMemo& memo, WaitReasons& reasons) {
  const WaitingQueue& queue = memo.caught_up_queue();
  memo.classes_.learn();
  if (!memo.update_fleet()) memo.fleet_.emplace(memo.classes_);
  memo.running_.catch_up();
  if (memo.rides_.begin_pass()) memo.fleet_->forget_refused();
  memo.fleet_->begin_pass();
  Decisions made = cost_pass({queue, memo.classes_, *memo.fleet_, memo.rides_, memo.running_}, reasons);
  memo.fleet_->end_pass();
  return made;
}

}  // namespace berth
