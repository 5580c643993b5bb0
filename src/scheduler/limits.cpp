#include "limits.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr Duration kQuietPeriod = std::chrono::seconds(60);  // after a 503, before the limit may grow

}  // namespace

ContainerLimit initial_limit(std::int64_t initial_quota_estimate, std::int64_t max_instances) {
  return {initial_quota_estimate > 0 ? initial_quota_estimate : max_instances, 0, std::nullopt};
}

ContainerLimit next_limit(ContainerLimit limit, const LimitInputs& in) {
  std::int64_t& most = limit.max_containers;
  if (in.last_503 && (!limit.last_503 || *in.last_503 > *limit.last_503)) {
    limit.last_503 = in.last_503;
    most = std::max<std::int64_t>(1, in.running - 1);
  } else if (most > 0 && (!limit.last_503 || in.now - *limit.last_503 > kQuietPeriod)) {
    most = std::max(most, in.running * 11 / 10 + 1);
  }
  std::int64_t& within_quota = limit.instances_within_quota;
  if (within_quota > 0) within_quota = std::max(within_quota, in.total_instances);
  const std::int64_t one_more = in.one_more ? in.running + 1 : 1;
  if (in.at_quota) {
    const std::int64_t at_quota = std::max(one_more, in.total_instances);
    most = most == 0 ? at_quota : std::min(most, at_quota);
    within_quota = in.total_instances;
  } else if (within_quota > 0) {
    most = std::min(most, std::max(one_more, within_quota + in.beyond_quota));
  }
  if (in.ceiling > 0) most = most == 0 ? in.ceiling : std::min(most, in.ceiling);
  return limit;
}

std::int64_t supervisor_limit(std::int64_t max_containers, double supervisor_fraction) {
  const auto limit = static_cast<std::int64_t>(static_cast<double>(max_containers) * supervisor_fraction);
  return limit < 1 && supervisor_fraction > 0 && max_containers > 0 ? 1 : limit;
}

}  // namespace berth
