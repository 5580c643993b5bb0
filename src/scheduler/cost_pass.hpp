#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_fleet.hpp"
#include "cost_needs.hpp"
#include "cost_ride.hpp"
#include "cost_running.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// Why containers wait, in few words: what statuses_of() makes the statuses of.
struct WaitReasons {
  std::vector<std::pair<std::uint32_t, ContainerStatus>> told;  ///< containers; the last word about one counts
  Reason rest = Reason::cluster_capacity;                       ///< of all others that wait, with positions in order
  std::int64_t positions = 0;                                   ///< that were given before
};
/// By container. `order`: of all, as scheduling_order() has it.
std::vector<ContainerStatus> statuses_of(const PlanInput& input, const std::vector<std::uint32_t>& order,
                                         const WaitReasons& reasons);

/// What a pass of the policy `cost` works on, all made from one input, and what it may keep for the next.
struct CostState {
  const WaitingQueue& queue;
  const CostNeeds& classes;
  CostFleet& fleet;
  Rides& rides;
  RunningByKey& running;
};

/// One mapping pass of the policy `cost` (docs/policies.md):
/// 1. Who may run now is put on ready instances, in order: within the price ceiling, or as a rider (CostFleet, Rides).
/// 2. The rest is looked for in the forecast: an instance boots for it already, or room is expected soon (forecast()).
/// 3. For what is left instances are created (cover()).
/// 4. If more are wanted than may exist, instances are scarce: groups share ready, booting and new ones that are worth
///    it together (fill_if_worth(), cover_scarce()), and 2 and 3 are made anew for what is left.
/// 5. At most instances, those that nobody needs are shut down; if the first container is blocked for long, an instance
///    is emptied for it, unless it gets room there before (PlanGuard).
/// Nothing is created for a container before it is Locked, but all that waits has a say in which type is created.
Decisions cost_pass(const CostState& state, WaitReasons& reasons);
/// The same from nothing.
Plan cost_pass(const PlanInput& input);

}  // namespace berth
