#pragma once

#include <cstdint>
#include <optional>

#include "berth/base/time.hpp"

namespace berth {

/// The dynamic limit of facts §5.3; 0 = no limit.
struct ContainerLimit {
  std::int64_t max_containers = 0;
  std::int64_t instances_within_quota =
      0;                               ///< the most instances seen while, or since, not at quota; 0 = not known yet
  std::optional<SteadyTime> last_503;  ///< the last one handled
};

struct LimitInputs {
  SteadyTime now{};
  std::optional<SteadyTime> last_503;  ///< the latest one seen
  std::int64_t running = 0;            ///< containers that count as load
  std::int64_t total_instances = 0;
  bool at_quota = false;
  /// One container more than run now is always tried. The rule of facts §5.3 lets as many as there were instances, and
  /// one while not at quota: for ever none, if several on one instance wait for what is not started; and less at quota
  /// than run, so that what the last instance was created for would have to make way as soon as it is.
  bool one_more = false;
  /// How many containers may run beyond the instances that were within the quota, while it is not met.
  std::int64_t beyond_quota = 1;
  /// The limit is never above this, however many containers run; 0 = it may be.
  std::int64_t ceiling = 0;
};

/// The limit before the first pass.
ContainerLimit initial_limit(std::int64_t initial_quota_estimate, std::int64_t max_instances);
/// The limit for the next pass.
ContainerLimit next_limit(ContainerLimit limit, const LimitInputs& inputs);
/// How many supervisors may run under `max_containers` (facts §5.3); 0 = no limit.
std::int64_t supervisor_limit(std::int64_t max_containers, double supervisor_fraction);

}  // namespace berth
