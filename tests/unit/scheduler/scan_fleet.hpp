#pragma once

#include <optional>

#include "fold_fleet.hpp"
#include "mapping_pass.hpp"

namespace berth {

/// Looks at every instance for every container, by either rule: what the fast fleet must equal.
class ScanFleet : public FoldFleet {
 public:
  ScanFleet(const PlanInput& input, const PassRules& rules) : FoldFleet(input, rules.gpu_memory), fold_(rules.fold) {}

  std::optional<std::uint32_t> find(std::uint32_t need) override {
    const auto folded = FoldFleet::find(need);
    std::optional<std::uint32_t> best;
    for (std::uint32_t instance : listed())
      if (candidate(instance, need) && (!best || preference_key(instance) < preference_key(*best))) best = instance;
    differed_ |= folded != best;
    return fold_ ? folded : best;
  }
  /// The two rules would have chosen differently on one and the same state of the pass.
  bool differed() const { return differed_; }

 private:
  bool fold_;
  bool differed_ = false;
};

struct ScannedPlan {
  Plan plan;
  bool differed = false;
};
inline ScannedPlan scan_plan(const PlanInput& input, const PassRules& rules) {
  ScanFleet fleet(input, rules);
  Plan made = mapping_pass(input, fleet, rules);
  return {std::move(made), fleet.differed()};
}

}  // namespace berth
