#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_fleet.hpp"
#include "cost_running.hpp"
#include "cost_waiting.hpp"

namespace berth {

/// What is expected to get room on the instances that exist, so that nothing need be created for it.
struct Forecast {
  struct Room {
    std::uint32_t rank = 0;  ///< in Waiting
    std::uint32_t instance = 0;
  };
  std::vector<Room> booting;    ///< on instances that boot or whose state is not known yet
  std::vector<Room> soon;       ///< on running ones, once something there has ended
  std::optional<Duration> due;  ///< when the first of `soon` should have happened
};

/// Runs the queue forward: instances come up after the usual boot time, what runs ends at a quantile of its remaining
/// time if that is soon (CostRules::spare), and what waits starts in order. Takes what it finds room for from
/// `waiting`. Who has waited for half a boot is not put off for `soon` any more. `share`: instances are scarce, so
/// that several containers may share one that is above their ceilings if they are worth it together.
Forecast forecast(const CostFleet& fleet, RunningByKey& running, Waiting& waiting, bool share);

/// Whether forecast() might find anything, whatever waits.
bool anything_expected(const CostNeeds& classes, const CostFleet& fleet, RunningByKey& running);

/// The share of an instance's price that a group must be worth.
inline double least_worth(const CostRules& rules) {
  return 1 / std::max(rules.maximum_price_factor, 1.0);
}
/// Those that fill `room` on an instance of this type, if together with `worth` ($/hour, of what is there
/// already) they are worth its price: in order, else as cover_scarce() fills it, so that what was created for a group
/// is used for it; else nothing.
std::vector<std::uint32_t> fill_if_worth(Waiting& waiting, std::uint32_t type, Capacity room, std::uint32_t places,
                                         double worth);
/// How many more containers may be listed on the instance.
std::uint32_t places_left(const PlanInput& input, const CostFleet& fleet, std::uint32_t instance);

}  // namespace berth
