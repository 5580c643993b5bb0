#include <algorithm>

#include "instance_store.hpp"

namespace berth::loopback {
namespace {

Result<void> no_room_for_type(const std::string& why) {
  Error error{ErrorKind::capacity, why};
  error.scope = CapacityScope::instance_type;
  return fail(std::move(error));
}

Result<void> check_type(const Parameters& parameters, const std::map<std::string, StoredInstance>& existing,
                        const InstanceType& type) {
  if (parameters.max_per_type.empty()) return {};
  auto limit = parameters.max_per_type.find(type.name);
  if (limit == parameters.max_per_type.end()) limit = parameters.max_per_type.find(type.provider_type);
  if (limit == parameters.max_per_type.end())
    return no_room_for_type("DriverParameters.InstanceTypes does not list " + type.name);
  const auto count = std::ranges::count_if(existing, [&](const auto& entry) {
    return entry.second.type_name == limit->first || entry.second.provider_type == limit->first;
  });
  if (count >= limit->second)
    return no_room_for_type("DriverParameters.InstanceTypes allows " + std::to_string(limit->second) + " of " +
                            limit->first);
  return {};
}

}  // namespace

Result<void> check_limits(const Parameters& parameters, const std::map<std::string, StoredInstance>& existing,
                          const InstanceType& type) {
  const auto count = static_cast<std::int64_t>(existing.size());
  if (parameters.max_instances && count >= *parameters.max_instances)
    return fail(ErrorKind::quota, "DriverParameters.MaxInstances allows " + std::to_string(*parameters.max_instances));
  if (parameters.max_vcpus) {
    if (type.vcpus > *parameters.max_vcpus)
      return no_room_for_type(type.name + " has more VCPUs than DriverParameters.MaxVCPUs allows in all");
    std::int64_t used = 0;
    for (const auto& [id, instance] : existing) used += instance.vcpus;
    if (used + type.vcpus > *parameters.max_vcpus)
      return fail(ErrorKind::quota,
                  "DriverParameters.MaxVCPUs allows " + std::to_string(*parameters.max_vcpus) + " in all");
  }
  return check_type(parameters, existing, type);
}

}  // namespace berth::loopback
