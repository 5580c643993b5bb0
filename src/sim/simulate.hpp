#pragma once

#include <cstdint>

#include "berth/base/result.hpp"
#include "berth/config/cluster.hpp"
#include "berth/sim/workload.hpp"
#include "berth/sim/world.hpp"

#include "cloud_file.hpp"
#include "lives.hpp"

namespace berth {

/// One question to the simulated world.
struct Simulation {
  const Cluster& cluster;  ///< the lives refer to its instance types
  const Workload& workload;
  const CloudFile& cloud;
  std::uint64_t seed = 1;
  Duration limit{};                 ///< of simulated time
  Duration pass_interval{};         ///< between two scheduling passes at least; zero: the scheduler's own
  SimObserver* observer = nullptr;  ///< sees every event; null: nobody does
};

/// Runs until every container has ended and every instance is gone, or nothing moves any more, or to the limit. The
/// same simulation gives the same lives. Errors: internal, if the simulated daemon broke down.
Result<Lives> simulate(const Simulation& simulation);

}  // namespace berth
