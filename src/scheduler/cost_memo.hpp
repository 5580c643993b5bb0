#pragma once

#include <optional>

#include "berth/scheduler/plan.hpp"

#include "cost_fleet.hpp"
#include "cost_needs.hpp"
#include "cost_pass.hpp"
#include "cost_ride.hpp"
#include "cost_running.hpp"
#include "memo_changes.hpp"

namespace berth {

/// What passes of the policy `cost` over one PlanInput leave for the next: the sorted queue, the instances by what is
/// left on them, what runs on them, for which needs nothing had room or may be ridden on, and what is known of need
/// classes. What depends on the time or on what was learned is kept for as long as it is certain (Rides, RunningByKey).
/// The owner of the input says what it changed besides PlanInput::limits and cost. Assignments are never kept.
class CostMemo : public MemoChanges {
 public:
  explicit CostMemo(const PlanInput& input) : MemoChanges(input), classes_(input), rides_(classes_), running_(input) {}

  void container_changed(std::uint32_t container) {
    MemoChanges::container_changed(container);
    if (const std::uint32_t on = running_.instance_of(container); on != kNoType) instance_changed(on);
  }
  void instance_changed(std::uint32_t instance) {
    MemoChanges::instance_changed(instance);
    running_.instance_changed(instance);
    rides_.instance_changed(instance);
  }

 private:
  friend Decisions plan(const PlanInput& input, CostMemo& memo, WaitReasons& reasons);
  bool update_fleet();

  CostNeeds classes_;
  std::optional<CostFleet> fleet_;
  Rides rides_;
  RunningByKey running_;
};

/// The decisions of plan(input, Policy::cost), and in `reasons` its statuses.
Decisions plan(const PlanInput& input, CostMemo& memo, WaitReasons& reasons);

}  // namespace berth
