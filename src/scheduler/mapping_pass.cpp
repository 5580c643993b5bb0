#include "mapping_pass.hpp"

#include <algorithm>
#include <utility>

#include "scheduling_order.hpp"

namespace berth {
namespace {

bool waits(ContainerState state) {
  return state == ContainerState::queued || state == ContainerState::locked;
}

class MappingPass {
 public:
  MappingPass(const PlanInput& input, Fleet& fleet, const PassRules& rules);
  Plan run() &&;

 private:
  /// Decides about one container; false: over quota, here the pass stops (facts §5.4).
  bool map(std::uint32_t container);
  void put_on(std::uint32_t container, std::uint32_t instance);
  void start_or_wait(std::uint32_t container, std::uint32_t instance);
  void lock(std::uint32_t container);
  void create(std::uint32_t container, std::uint32_t type);
  void release(std::size_t first_over_quota);
  void fill_statuses();

  bool at_quota() const { return input_.limits.at_quota || instances_left_ == 0; }
  std::optional<std::uint32_t> first_available_type(std::uint32_t need) const;
  bool locked(std::uint32_t container) const;
  void set_status(std::uint32_t container, Reason reason, std::uint32_t type = kNoType, std::int64_t position = 0) {
    plan_.statuses[container] = {reason, type, position};
  }

  const PlanInput& input_;
  const PlanLimits& limits_;
  Fleet& fleet_;
  const PassRules& rules_;
  Plan plan_;
  std::vector<std::uint32_t> available_type_;  // by type list: the first type not at capacity, or kNoType
  std::vector<std::uint32_t> over_supervisors_;
  std::int64_t trying_;
  std::int64_t supervisors_ = 0;
  std::int64_t position_ = 0;
  std::int64_t create_slots_;
  std::optional<std::int64_t> instances_left_;
};

MappingPass::MappingPass(const PlanInput& input, Fleet& fleet, const PassRules& rules)
    : input_(input),
      limits_(input.limits),
      fleet_(fleet),
      rules_(rules),
      trying_(input.limits.running),
      create_slots_(input.limits.create_slots),
      instances_left_(input.limits.instances_left) {
  available_type_.reserve(input.type_lists.size());
  for (const auto& list : input.type_lists) {
    const auto blocked = [&](std::uint32_t type) { return limits_.blocked_types[type]; };
    const auto type = std::find_if_not(list.begin(), list.end(), blocked);
    available_type_.push_back(type == list.end() ? kNoType : *type);
  }
}

Plan MappingPass::run() && {
  plan_.order = scheduling_order(input_.containers);
  plan_.statuses.resize(input_.containers.size());
  std::size_t i = 0;
  while (i < plan_.order.size() && map(plan_.order[i])) ++i;
  plan_.at_quota = at_quota();
  plan_.not_allocated_over_quota = static_cast<std::int64_t>(over_supervisors_.size() + plan_.order.size() - i);
  fill_statuses();
  release(i);
  return std::move(plan_);
}

bool MappingPass::map(std::uint32_t c) {
  const PlanContainer& container = input_.containers[c];
  if (container.supervisor) ++supervisors_;
  if (container.in_pool) {
    if (waits(container.state)) set_status(c, Reason::preparing);
    return true;
  }
  if (container.priority < 1) {
    set_status(c, Reason::priority_zero);
    return true;
  }
  if (container.supervisor && limits_.max_supervisors > 0 && supervisors_ > limits_.max_supervisors) {
    over_supervisors_.push_back(c);
    set_status(c, Reason::supervisor_limit, kNoType, static_cast<std::int64_t>(over_supervisors_.size()));
    return true;
  }
  if (!waits(container.state)) return true;
  if (limits_.max_containers > 0 && trying_ >= limits_.max_containers) return true;
  ++trying_;
  if (const auto instance = fleet_.find(container.need)) {
    put_on(c, *instance);
    return true;
  }
  if (at_quota()) return false;
  const auto type = first_available_type(container.need);
  if (container.state == ContainerState::queued) {
    if (type) lock(c);
  } else if (!type) {
    set_status(c, Reason::type_capacity, kNoType, ++position_);
  } else if (create_slots_ > 0) {
    create(c, *type);
  }
  return true;
}

void MappingPass::put_on(std::uint32_t c, std::uint32_t instance) {
  const PlanContainer& container = input_.containers[c];
  if (container.state == ContainerState::queued) {
    lock(c);
    if (!container.old_process) fleet_.place(instance, container.need);
  } else {
    fleet_.place(instance, container.need);
    start_or_wait(c, instance);
  }
}

void MappingPass::start_or_wait(std::uint32_t c, std::uint32_t instance) {
  if (!fleet_[instance].ready) {
    set_status(c, Reason::new_instance, fleet_[instance].type);
    ++plan_.allocated_not_started;
  } else if (input_.containers[c].old_process) {
    plan_.kills.push_back(c);
    set_status(c, Reason::previous_attempt);
  } else {
    plan_.starts.push_back({c, instance});
    set_status(c, Reason::preparing);
  }
}

void MappingPass::lock(std::uint32_t c) {
  (input_.containers[c].old_process ? plan_.kills : plan_.locks).push_back(c);
}

void MappingPass::create(std::uint32_t c, std::uint32_t type) {
  --create_slots_;
  if (instances_left_) --*instances_left_;
  fleet_.create(type, input_.containers[c].need);
  plan_.creates.push_back(type);
  set_status(c, Reason::new_instance, type);
  ++plan_.allocated_not_started;
}

std::optional<std::uint32_t> MappingPass::first_available_type(std::uint32_t need) const {
  const std::uint32_t type = available_type_[input_.needs[need].type_list];
  return type == kNoType ? std::nullopt : std::optional(type);
}

bool MappingPass::locked(std::uint32_t c) const {
  return input_.containers[c].state == ContainerState::locked && !input_.containers[c].in_pool;
}

/// After the pass: unlocks, and if it stopped at `first_over_quota`, shutdowns (facts §5.5).
void MappingPass::release(std::size_t first_over_quota) {
  const auto unlock = [&](std::uint32_t c) {
    if (locked(c)) plan_.unlocks.push_back(c);
  };
  std::for_each(over_supervisors_.begin(), over_supervisors_.end(), unlock);
  if (first_over_quota == plan_.order.size()) return;

  const bool sole = first_over_quota + 1 == plan_.order.size();
  const bool keep_first = limits_.total_instances > 0 && !(sole && rules_.unlock_sole);
  const auto from = plan_.order.begin() + static_cast<std::ptrdiff_t>(first_over_quota) + (keep_first ? 1 : 0);
  std::for_each(from, plan_.order.end(), unlock);

  for (std::uint32_t instance = 0; instance < fleet_.size(); ++instance)
    if (fleet_[instance].containers == 0) plan_.shutdowns.push_back(instance);
  std::sort(plan_.shutdowns.begin(), plan_.shutdowns.end(),
            [&](std::uint32_t a, std::uint32_t b) { return fleet_.list_key(a) < fleet_.list_key(b); });
}

void MappingPass::fill_statuses() {
  for (std::uint32_t c : plan_.order)
    if (plan_.statuses[c].reason == Reason::none && waits(input_.containers[c].state))
      set_status(c, plan_.at_quota ? Reason::cloud_limits : Reason::cluster_capacity, kNoType, ++position_);
}

}  // namespace

PassRules rules_of(Policy policy) {
  if (policy == Policy::reference) return {true, true, GpuMemory::subtracted};
  return {};
}

Plan mapping_pass(const PlanInput& input, Fleet& fleet, const PassRules& rules) {
  return MappingPass(input, fleet, rules).run();
}

}  // namespace berth
