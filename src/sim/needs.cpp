#include "needs.hpp"

#include <algorithm>

namespace berth {

bool holds(const InstanceType& type, const Container& container, const ContainersConfig& config) {
  const RuntimeConstraints& asked = container.runtime_constraints;
  constexpr double usable = 0.95;  // of the RAM; a byte is lost by rounding
  const auto ram = static_cast<double>(asked.ram + asked.keep_cache_ram + config.reserve_extra_ram);
  std::int64_t scratch = asked.keep_cache_disk;
  for (const auto& [path, mount] : container.mounts)
    if (mount.kind == "tmp") scratch += mount.capacity;
  return type.vcpus >= asked.vcpus && static_cast<double>(type.ram + 1) * usable >= ram && type.scratch() >= scratch &&
         type.preemptible == container.scheduling_parameters.preemptible;
}

bool held_by_any(const Container& container, const Cluster& cluster) {
  return std::ranges::any_of(cluster.instance_types,
                             [&](const auto& entry) { return holds(entry.second, container, cluster.containers); });
}

bool within_ceiling(const InstanceType& type, const Container& container, const Cluster& cluster) {
  double cheapest = type.price;
  for (const auto& [name, other] : cluster.instance_types)
    if (holds(other, container, cluster.containers)) cheapest = std::min(cheapest, other.price);
  return type.price <= cheapest * std::max(cluster.containers.maximum_price_factor, 1.0);
}

}  // namespace berth
