#pragma once

#include <optional>

#include "berth/scheduler/plan.hpp"

#include "fleet.hpp"

namespace berth {

/// What a policy consists of; apart, so that tests can switch back one departure from the reference at a time.
struct PassRules {
  bool fold = false;         ///< choose instances by the reference's fold (FoldFleet) instead of the total order
  bool unlock_sole = false;  ///< unlock a sole over-quota container even if instances exist
  GpuMemory gpu_memory = GpuMemory::per_device;
};
PassRules rules_of(Policy policy);

/// One mapping pass (facts §5.4, §5.5) with the instances in `fleet`, which must be new and made from `input`.
Plan mapping_pass(const PlanInput& input, Fleet& fleet, const PassRules& rules);

}  // namespace berth
