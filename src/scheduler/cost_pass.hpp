#pragma once

#include "berth/scheduler/plan.hpp"

namespace berth {

/// One mapping pass of the policy `cost` (docs/policies.md):
/// 1. Who may run now is put on ready instances, in order: within the price ceiling, or as a rider (CostFleet, Rides).
/// 2. The rest is looked for in the forecast: an instance boots for it already, or room is expected soon (forecast()).
/// 3. For what is left instances are created (cover()).
/// 4. If more are wanted than may exist, instances are scarce: groups share ready, booting and new ones that are worth
///    it together (fill_if_worth(), cover_scarce()), and 2 and 3 are made anew for what is left.
/// 5. At most instances, those that nobody needs are shut down; if the first container is blocked for long, an instance
///    is emptied for it (PlanGuard).
/// Nothing is created for a container before it is Locked, but all that waits has a say in which type is created.
Plan cost_pass(const PlanInput& input);

}  // namespace berth
