#pragma once

#include <vector>

#include "berth/scheduler/plan.hpp"

#include "fleet.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// What a policy consists of; apart, so that tests can switch back one departure from the reference at a time.
struct PassRules {
  bool fold = false;         ///< choose instances by the reference's fold (FoldFleet) instead of the total order
  bool unlock_sole = false;  ///< unlock a sole over-quota container even if instances exist
  GpuMemory gpu_memory = GpuMemory::per_device;
  /// At quota stop even at a container whose types are all at capacity, which a free place is of no use to.
  bool stop_at_blocked = false;
  /// Of what runs by its record, but in no pool (yet, after a start of the daemon), only what comes earlier in order
  /// counts against the limit of supervisors; and all over it are unlocked, also those that are in nobody's way, though
  /// the limit goes up and down, and each lock counts against its container.
  bool supervisors_to_the_letter = false;
};
PassRules rules_of(Policy policy);

/// One mapping pass (facts §5.4, §5.5) over the containers of `queue` with the instances in `fleet`, both made from
/// `input`, both as the input says. `statuses`: by container, filled in unless null; costs a walk over all.
Decisions mapping_pass(const PlanInput& input, const WaitingQueue& queue, Fleet& fleet, const PassRules& rules,
                       std::vector<ContainerStatus>* statuses);
/// The same with all that belongs to it.
Plan mapping_pass(const PlanInput& input, Fleet& fleet, const PassRules& rules);

}  // namespace berth
