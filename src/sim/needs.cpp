#include "needs.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace berth {
namespace {

constexpr double usable = 0.95;  // of the RAM; a byte is lost by rounding

double ram_of(const Container& container, const ContainersConfig& config) {
  const RuntimeConstraints& asked = container.runtime_constraints;
  auto ram = static_cast<double>(asked.ram + asked.keep_cache_ram + config.reserve_extra_ram);
  constexpr double MiB = 1 << 20;
  if (const auto buffers = static_cast<double>(config.local_keep_blob_buffers_per_vcpu); buffers > 0)
    ram += 220 * MiB + buffers * static_cast<double>(asked.vcpus) * 64 * MiB * 1.1;
  return ram;
}

std::int64_t scratch_of(const Container& container) {
  std::int64_t scratch = container.runtime_constraints.keep_cache_disk;
  for (const auto& [path, mount] : container.mounts)
    if (mount.kind == "tmp") scratch += mount.capacity;
  return scratch;
}

double version(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}

bool suits(const GpuFeatures& has, const GpuConstraints& wants) {
  if (has.stack != wants.stack) return false;
  if (wants.device_count <= 0) return true;
  const auto& targets = wants.hardware_target;
  const bool target = targets.size() == 1 ? version(has.hardware_target) >= version(targets.front())
                                          : std::ranges::count(targets, has.hardware_target) > 0;
  return target && has.device_count >= wants.device_count && has.vram >= wants.vram &&
         version(has.driver_version) >= version(wants.driver_version);
}

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
  return type.vcpus >= asked.vcpus && static_cast<double>(type.ram + 1) * usable >= ram_of(container, config) &&
         type.scratch() >= scratch_of(container) && type.preemptible == container.scheduling_parameters.preemptible &&
         suits(type.gpu, asked.gpu);
}

bool hold_together(const InstanceType& type, const std::vector<const Container*>& group,
                   const ContainersConfig& config) {
  std::int64_t vcpus = 0, scratch = 0, gpus = 0;
  double ram = 0;
  for (const Container* container : group) {
    vcpus += container->runtime_constraints.vcpus;
    ram += ram_of(*container, config);
    scratch += scratch_of(*container);
    gpus += container->runtime_constraints.gpu.device_count;
  }
  const std::int64_t places = config.cloud_vms.max_running_containers_per_instance;
  const auto a_byte_each = static_cast<std::int64_t>(group.size());  // lost by rounding
  return vcpus <= type.vcpus && ram <= static_cast<double>(type.ram + a_byte_each) * usable &&
         scratch <= type.scratch() && gpus <= type.gpu.device_count && (places <= 0 || std::ssize(group) <= places);
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
