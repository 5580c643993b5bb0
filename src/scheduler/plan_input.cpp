#include "plan_input.hpp"

#include <algorithm>

namespace berth {
namespace {

Resources without_negatives(Resources need) {
  for (std::int64_t* amount : {&need.vcpus, &need.ram, &need.scratch, &need.gpus, &need.gpu_vram})
    *amount = std::max<std::int64_t>(*amount, 0);
  return need;
}

}  // namespace

PlanInputBuilder::PlanInputBuilder(const std::map<std::string, InstanceType>& types, std::int64_t max_per_instance) {
  for (const auto& [name, type] : types) {
    types_[name] = static_cast<std::uint32_t>(type_names_.size());
    type_names_.push_back(name);
    input_.types.push_back({type.price, type.resources()});
  }
  input_.limits.max_per_instance = max_per_instance;
}

const PlanInput& PlanInputBuilder::build(const MatchedQueue& queue, const PoolSnapshot& pool,
                                         const std::function<bool(const std::string&)>& unlocking, Limits limits) {
  constexpr std::size_t kSpareEntries = 1000;
  if (need_by_entry_.size() > 2 * queue.rows.size() + kSpareEntries) forget_needs();
  set_containers(queue, unlocking);
  set_instances(queue, pool);
  set_limits(pool, limits);
  return input_;
}

void PlanInputBuilder::set_containers(const MatchedQueue& queue,
                                      const std::function<bool(const std::string&)>& unlocking) {
  input_.containers.clear();
  input_.containers.reserve(queue.rows.size());
  for (const MatchedQueue::Row& row : queue.rows) {
    const QueueEntry& entry = **row.entry;
    PlanContainer container;
    container.uuid = entry.container.uuid;
    container.need = need_of(entry);
    container.state = entry.container.state;
    if (container.state == ContainerState::locked && unlocking(entry.container.uuid))
      container.state = ContainerState::queued;
    container.supervisor = entry.container.scheduling_parameters.supervisor;
    container.in_pool = row.process != nullptr;
    container.priority = entry.container.priority;
    container.first_seen = entry.first_seen;
    container.created = entry.container.created_at;
    input_.containers.push_back(container);
  }
}

void PlanInputBuilder::set_instances(const MatchedQueue& queue, const PoolSnapshot& pool) {
  input_.instances.clear();
  input_.instances.reserve(pool.instances.size());
  for (const PoolInstance& listed : pool.instances) {
    PlanInstance instance;
    instance.id = listed.id;
    const auto type = types_.find(listed.type);
    instance.type = type == types_.end() ? kNoType : type->second;
    instance.state = listed.state;
    instance.idle_behavior = listed.idle_behavior;
    for (const std::string& uuid : listed.containers) {
      if (const auto container = queue.find(uuid))
        instance.containers.push_back(*container);
      else
        ++instance.unknown_containers;
    }
    input_.instances.push_back(std::move(instance));
  }
}

void PlanInputBuilder::set_limits(const PoolSnapshot& pool, Limits limits) {
  PlanLimits& out = input_.limits;
  out.at_quota = pool.at_quota;
  out.instances_left = pool.instances_left;
  out.create_slots = pool.create_slots;
  out.blocked_types.assign(input_.types.size(), false);
  for (const std::string& name : pool.blocked_types)
    if (const auto type = types_.find(name); type != types_.end()) out.blocked_types[type->second] = true;
  out.max_containers = limits.max_containers;
  out.max_supervisors = limits.max_supervisors;
  out.total_instances = pool.total();
  out.running = static_cast<std::int64_t>(pool.running.size());
}

std::uint32_t PlanInputBuilder::need_of(const QueueEntry& entry) {
  const auto [known, fresh] = need_by_entry_.emplace(entry.id, 0);
  if (!fresh) return known->second;
  const NeedClass need{without_negatives(entry.needed), type_list_of(entry.instance_types)};
  const auto [same, first] = needs_.emplace(std::pair(need.need, need.type_list), input_.needs.size());
  if (first) input_.needs.push_back(need);
  return known->second = same->second;
}

std::uint32_t PlanInputBuilder::type_list_of(const std::vector<std::string>& names) {
  const auto [same, first] = type_lists_.emplace(names, input_.type_lists.size());
  if (first) {
    std::vector<std::uint32_t>& list = input_.type_lists.emplace_back();
    for (const std::string& name : names)
      if (const auto type = types_.find(name); type != types_.end()) list.push_back(type->second);
  }
  return same->second;
}

void PlanInputBuilder::forget_needs() {
  need_by_entry_.clear();
  needs_.clear();
  type_lists_.clear();
  input_.needs.clear();
  input_.type_lists.clear();
}

}  // namespace berth
