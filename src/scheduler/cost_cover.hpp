#pragma once

#include <cstdint>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_ride.hpp"
#include "cost_waiting.hpp"

namespace berth {

/// An instance to be created, and for whom.
struct Cover {
  std::uint32_t type = 0;
  std::vector<std::uint32_t> ranks;  ///< in Waiting; the first is the first in order
};

/// Which instances hold all that waits, sorted by their first containers. Takes what it covers from `waiting`; what no
/// available type holds is left. Types are chosen again and again by the most value (the sum of the containers' own
/// prices) per $ of what would be packed on one; without CostRules::cover the cheapest for the first. Given up once
/// they are more than `most`.
std::vector<Cover> cover(Waiting& waiting, std::int64_t most);

/// Whether an available type within its price ceiling holds one of this class, so that cover() would cover it.
bool coverable(const PlanInput& input, std::uint32_t need);
/// Of any class that is left.
bool any_coverable(const Waiting& waiting);

/// The same when only `slots` more instances may exist: each is made for the first container in order that has none
/// yet, and as large as its share of all that waits asks for; it may be above the containers' price ceilings if they
/// are worth it together (Rides::allows_group). At most kMostScarceCovers at a time.
std::vector<Cover> cover_scarce(Waiting& waiting, std::int64_t slots, Rides& rides);
constexpr std::int64_t kMostScarceCovers = 64;

}  // namespace berth
