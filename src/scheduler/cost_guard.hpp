#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_fleet.hpp"

namespace berth {

struct GuardDecision {
  std::optional<PlanGuard> guard;
  std::optional<Duration> due;  ///< when the first container will have been blocked for too long
};

/// At most instances: against starving large containers behind smaller ones. `blocked` are the containers
/// that get nothing, in order, at least one. Once the first has waited for CostRules::guard, it gets the instance that
/// should be empty first. A guard of the last pass stays as long as its container is blocked.
GuardDecision guard(const PlanInput& input, const CostFleet& fleet, const std::vector<std::uint32_t>& blocked);

}  // namespace berth
