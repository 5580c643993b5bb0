#include "plan_memo.hpp"

#include <algorithm>

#include "mapping_pass.hpp"
#include "scheduling_order.hpp"

namespace berth {
namespace {

/// Above this share of all, making a thing anew is cheaper than changing it.
constexpr std::size_t kWholesale = 4;

void sort_unique(std::vector<std::uint32_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

void PlanMemo::catch_up() {
  sort_unique(containers_);
  if (queue_ && containers_.size() <= 100 + input_.containers.size() / kWholesale)
    queue_->update(containers_);
  else
    queue_.emplace(input_, scheduling_order(input_.containers));
  containers_.clear();

  sort_unique(instances_);
  if (!update_fleet()) fleet_.emplace(input_, rules_of(Policy::greedy).gpu_memory);
  max_per_instance_ = input_.limits.max_per_instance;
  instances_.clear();
}

/// False: a new fleet is needed.
bool PlanMemo::update_fleet() {
  if (!fleet_ || max_per_instance_ != input_.limits.max_per_instance) return false;
  if (instances_.size() > 100 + input_.instances.size() / kWholesale) return false;
  fleet_->learn_needs();
  std::stable_sort(instances_.begin(), instances_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return input_.instances[a].number < input_.instances[b].number;  // pending ones in the order of asking
  });
  return std::all_of(instances_.begin(), instances_.end(), [&](std::uint32_t i) { return fleet_->update(i); });
}

Decisions plan(const PlanInput& input, PlanMemo& memo) {
  memo.catch_up();
  memo.fleet_->begin_pass();
  Decisions made = mapping_pass(input, *memo.queue_, *memo.fleet_, rules_of(Policy::greedy), nullptr);
  memo.fleet_->end_pass();
  return made;
}

}  // namespace berth
