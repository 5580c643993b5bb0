#include "fleet.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace berth {
namespace {

/// By type: its place by price ascending, then VCPUs, RAM, scratch descending; equal types share a rank.
std::vector<std::uint32_t> rank_types(const std::vector<PlanType>& types) {
  const auto key = [&](std::uint32_t t) {
    const PlanType& type = types[t];
    return std::tuple(type.price, -type.size.vcpus, -type.size.ram, -type.size.scratch);
  };
  std::vector<std::uint32_t> sorted(types.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  std::vector<std::uint32_t> rank(types.size());
  for (std::size_t i = 1; i < sorted.size(); ++i)
    rank[sorted[i]] = rank[sorted[i - 1]] + (key(sorted[i - 1]) < key(sorted[i]) ? 1 : 0);
  return rank;
}

}  // namespace

Fleet::Fleet(const PlanInput& input, GpuMemory gpu_memory)
    : input_(input), gpu_memory_(gpu_memory), type_rank_(rank_types(input.types)), order_(input.instances) {
  instances_.reserve(input.instances.size());
  for (std::uint32_t i = 0; i < input.instances.size(); ++i) instances_.push_back(load(i));
}

FleetInstance Fleet::load(std::uint32_t number) const {
  const PlanInstance& instance = input_.instances[number];
  FleetInstance loaded;
  loaded.gone = instance.gone;
  if (instance.gone) return loaded;
  loaded.order = order_.of(number);
  loaded.type = instance.type;
  loaded.containers = static_cast<std::uint32_t>(instance.containers.size()) + instance.unknown_containers;
  loaded.ready = instance.state == WorkerState::idle || instance.state == WorkerState::running;
  loaded.usable = instance.type != kNoType && instance.state != WorkerState::shutdown &&
                  instance.idle_behavior == IdleBehavior::run;
  if (instance.type == kNoType || instance.unknown_containers > 0) return loaded;  // no capacity
  loaded.capacity.left = input_.types[instance.type].size;
  for (std::uint32_t container : instance.containers)
    loaded.capacity.subtract(input_.needs[input_.containers[container].need].need, gpu_memory_);
  return loaded;
}

bool Fleet::reload(std::uint32_t instance) {
  if (!order_.update(instance, input_.instances[instance])) return false;
  if (instance >= size()) instances_.resize(instance + 1, FleetInstance{.gone = true});
  instances_[instance] = load(instance);
  return true;
}

std::uint64_t Fleet::list_key(std::uint32_t instance) const {
  const FleetInstance& i = instances_[instance];
  return std::uint64_t{i.type == kNoType ? 0 : type_rank_[i.type]} << 32 | i.order;
}

std::uint64_t Fleet::preference_key(std::uint32_t instance) const {
  constexpr std::uint32_t kMostContainers = 0x7fff;
  constexpr std::uint64_t kListKeyMask = (std::uint64_t{1} << 48) - 1;
  const FleetInstance& i = instances_[instance];
  return std::uint64_t{!i.ready} << 63 |
         std::uint64_t{kMostContainers - std::min(i.containers, kMostContainers)} << 48 |
         (list_key(instance) & kListKeyMask);
}

bool Fleet::full(std::uint32_t instance) const {
  const std::int64_t most = input_.limits.max_per_instance;
  return most > 0 && instances_[instance].containers >= most;
}

void Fleet::subtract(std::uint32_t instance, std::uint32_t need) {
  instances_[instance].capacity.subtract(input_.needs[need].need, gpu_memory_);
  ++instances_[instance].containers;
}

std::uint32_t Fleet::add_pending(std::uint32_t type) {
  FleetInstance pending;
  pending.capacity.left = input_.types[type].size;
  pending.type = type;
  pending.order = order_.next_pending();
  pending.usable = true;
  instances_.push_back(pending);
  return size() - 1;
}

void Fleet::drop_pending() {
  instances_.resize(input_.instances.size());
  order_.release_pending();
}

}  // namespace berth
