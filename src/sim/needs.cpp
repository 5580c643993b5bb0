#include "needs.hpp"

#include <algorithm>
#include <utility>

namespace berth {
namespace {

double own_price(const Container& container, const Cluster& cluster, double most) {
  for (const auto& [name, type] : cluster.instance_types)
    if (holds(type, container, cluster.containers)) most = std::min(most, type.price);
  return most;
}

/// The most that parts are worth which need no more than `room` in sum: of (need, worth).
double most_worth(std::vector<std::pair<double, double>> parts, double room) {
  std::ranges::sort(parts, [](const auto& a, const auto& b) { return a.second * b.first > b.second * a.first; });
  double worth = 0;
  for (const auto& [need, its] : parts) {
    if (room <= 0) break;
    worth += need <= room ? its : its * room / need;
    room -= need;
  }
  return worth;
}

}  // namespace

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
  const double cheapest = own_price(container, cluster, type.price);
  return type.price <= cheapest * std::max(cluster.containers.maximum_price_factor, 1.0);
}

bool may_be_worth(const InstanceType& type, const std::vector<const Container*>& group, const Cluster& cluster) {
  std::vector<std::pair<double, double>> by_vcpus, by_ram, by_count;
  for (const Container* container : group) {
    const double worth = own_price(*container, cluster, type.price);
    by_vcpus.emplace_back(container->runtime_constraints.vcpus, worth);
    by_ram.emplace_back(container->runtime_constraints.ram, worth);
    by_count.emplace_back(1, worth);
  }
  double most = std::min(most_worth(by_vcpus, static_cast<double>(type.vcpus)),
                         most_worth(by_ram, static_cast<double>(type.ram)));
  const std::int64_t places = cluster.containers.cloud_vms.max_running_containers_per_instance;
  if (places > 0) most = std::min(most, most_worth(by_count, static_cast<double>(places)));
  constexpr double rounding = 1e-9;
  return type.price * (1 - rounding) <= most * std::max(cluster.containers.maximum_price_factor, 1.0);
}

}  // namespace berth
