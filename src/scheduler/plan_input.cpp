#include "plan_input.hpp"

#include <algorithm>

#include "berth/queue/choose_types.hpp"

namespace berth {
namespace {

Resources without_negatives(Resources need) {
  for (std::int64_t* amount : {&need.vcpus, &need.ram, &need.scratch, &need.gpus, &need.gpu_vram})
    *amount = std::max<std::int64_t>(*amount, 0);
  return need;
}

PlanContainer no_container() {
  PlanContainer none;
  none.gone = true;
  return none;
}

PlanInstance no_instance() {
  PlanInstance none;
  none.gone = true;
  return none;
}

}  // namespace

PlanInputBuilder::PlanInputBuilder(const std::map<std::string, InstanceType>& types, std::int64_t max_per_instance,
                                   bool any_price)
    : all_types_(types), any_price_(any_price) {
  for (const auto& [name, type] : types) {
    types_[name] = static_cast<std::uint32_t>(type_names_.size());
    type_names_.push_back(name);
    input_.types.push_back({type.price, type.resources()});
  }
  input_.limits.max_per_instance = max_per_instance;
}

bool PlanInputBuilder::update(const MatchedQueue& queue, const MatchedQueue::Changes& changes, const PoolSnapshot& pool,
                              const std::function<bool(const std::string&)>& unlocking, Limits limits) {
  constexpr std::size_t kSpareNeeds = 1000;
  const bool anew = input_.needs.size() > 2 * present_ + kSpareNeeds;
  if (anew) forget_needs();
  input_.containers.resize(queue.rows().size(), no_container());
  entry_ids_.resize(queue.rows().size());
  input_.instances.resize(queue.instances().size(), no_instance());
  if (anew) {
    for (std::uint32_t c = 0; c < input_.containers.size(); ++c) set_container(queue, c, unlocking);
    for (std::uint32_t i = 0; i < input_.instances.size(); ++i) set_instance(queue, i);
  } else {
    for (const std::uint32_t c : changes.containers) set_container(queue, c, unlocking);
    for (const std::uint32_t i : changes.instances) set_instance(queue, i);
  }
  set_limits(queue, pool, limits);
  return !anew;
}

void PlanInputBuilder::set_container(const MatchedQueue& queue, std::uint32_t number,
                                     const std::function<bool(const std::string&)>& unlocking) {
  const MatchedQueue::Row& row = queue.rows()[number];
  PlanContainer container = no_container();
  if (row.entry) {
    const QueueEntry& entry = *row.entry;
    container.gone = false;
    container.uuid = entry.container.uuid;
    container.need = need_of(entry, number);
    container.state = entry.container.state;
    if (container.state == ContainerState::locked && unlocking(entry.container.uuid))
      container.state = ContainerState::queued;
    container.supervisor = entry.spec->container.scheduling_parameters.supervisor;
    container.in_pool = row.process != nullptr;
    container.priority = entry.container.priority;
    container.first_seen = entry.first_seen;
    container.created = entry.container.created_at;
    if (row.process) container.started = row.process->second.started;
  } else {
    entry_ids_[number] = 0;
  }
  present_ += (container.gone ? 0 : 1);
  present_ -= (input_.containers[number].gone ? 0 : 1);
  input_.containers[number] = container;
}

void PlanInputBuilder::set_instance(const MatchedQueue& queue, std::uint32_t number) {
  PlanInstance& instance = input_.instances[number];
  const auto& shown = queue.instances()[number];
  if (!shown) {
    instance = no_instance();
    return;
  }
  instance.gone = false;
  instance.id = shown->id;
  instance.number = shown->number;
  const auto type = types_.find(shown->type);
  instance.type = type == types_.end() ? kNoType : type->second;
  instance.state = shown->state;
  instance.idle_behavior = shown->idle_behavior;
  instance.created = shown->created;
  instance.last_busy = shown->last_busy;
  instance.containers.clear();
  instance.unknown_containers = 0;
  for (const std::string& uuid : shown->containers) {
    const auto container = queue.find(uuid);
    if (container && queue.rows()[*container].entry)
      instance.containers.push_back(*container);
    else
      ++instance.unknown_containers;
  }
}

void PlanInputBuilder::set_limits(const MatchedQueue& queue, const PoolSnapshot& pool, Limits limits) {
  PlanLimits& out = input_.limits;
  out.at_quota = pool.at_quota;
  out.instances_left = pool.instances_left;
  out.create_slots = pool.create_slots;
  out.blocked_types.assign(input_.types.size(), false);
  for (const std::string& name : pool.blocked_types)
    if (const auto type = types_.find(name); type != types_.end()) out.blocked_types[type->second] = true;
  out.max_containers = limits.max_containers;
  out.max_supervisors = limits.max_supervisors;
  out.total_instances = queue.counts().instances;
  out.running = static_cast<std::int64_t>(pool.running.size());
}

std::uint32_t PlanInputBuilder::need_of(const QueueEntry& entry, std::uint32_t number) {
  if (entry_ids_[number] == entry.id) return input_.containers[number].need;
  entry_ids_[number] = entry.id;
  NeedClass need{without_negatives(entry.needed()), type_list_of(entry.instance_types())};
  if (any_price_) need.any_price_list = type_list_of(fitting_types(entry.spec->container, entry.needed(), all_types_));
  const auto [same, first] =
      needs_.emplace(std::tuple(need.need, need.type_list, need.any_price_list), input_.needs.size());
  if (first) input_.needs.push_back(need);
  return same->second;
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
  std::fill(entry_ids_.begin(), entry_ids_.end(), 0);
  needs_.clear();
  type_lists_.clear();
  input_.needs.clear();
  input_.type_lists.clear();
}

}  // namespace berth
