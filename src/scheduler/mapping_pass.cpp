#include "mapping_pass.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "scheduling_order.hpp"

namespace berth {
namespace {

constexpr std::uint32_t kNotLookedFor = kNoType - 1;

class MappingPass {
 public:
  MappingPass(const PlanInput& input, const WaitingQueue& queue, Fleet& fleet, const PassRules& rules,
              std::vector<ContainerStatus>* statuses);
  Decisions run() &&;

 private:
  std::size_t count_idle(std::size_t first);
  /// Decides about one container; false: over quota, here the pass stops (facts §5.4).
  bool map(const WaitingRow& row);
  void put_on(const WaitingRow& row, std::uint32_t instance);
  void start_or_wait(std::uint32_t container, std::uint32_t instance);
  void lock(std::uint32_t container);
  void create(const WaitingRow& row, std::uint32_t type);
  void release(std::size_t first_over_quota);
  void fill_statuses();

  bool at_quota() const { return limits_.at_quota || instances_left_ == 0; }
  std::uint32_t first_available_type(std::uint32_t need);
  void set_status(std::uint32_t container, Reason reason, std::uint32_t type = kNoType, std::int64_t position = 0) {
    if (statuses_) (*statuses_)[container] = {reason, type, position};
  }

  const PlanInput& input_;
  const PlanLimits& limits_;
  const std::vector<WaitingRow>& rows_;
  Fleet& fleet_;
  const PassRules& rules_;
  std::vector<ContainerStatus>* const statuses_;
  Decisions made_;
  std::vector<std::uint32_t>
      available_type_;  // by type list: the first type not at capacity, kNoType, or kNotLookedFor
  std::vector<std::uint32_t> over_supervisors_;
  std::size_t without_type_until_ = 0;  // a run of rows that count_idle has found
  std::int64_t trying_;
  std::int64_t supervisors_;
  std::int64_t position_ = 0;
  std::int64_t create_slots_;
  std::optional<std::int64_t> instances_left_;
};

MappingPass::MappingPass(const PlanInput& input, const WaitingQueue& queue, Fleet& fleet, const PassRules& rules,
                         std::vector<ContainerStatus>* statuses)
    : input_(input),
      limits_(input.limits),
      rows_(queue.rows()),
      fleet_(fleet),
      rules_(rules),
      statuses_(statuses),
      available_type_(input.type_lists.size(), kNotLookedFor),
      trying_(input.limits.running),
      supervisors_(queue.supervisors_in_pool() + (rules.supervisors_to_the_letter ? 0 : queue.supervisors_elsewhere())),
      create_slots_(input.limits.create_slots),
      instances_left_(input.limits.instances_left) {}

Decisions MappingPass::run() && {
  std::size_t i = 0;
  while (i < rows_.size()) {
    const std::size_t idle = count_idle(i);
    trying_ += static_cast<std::int64_t>(idle);
    i += idle;
    if (i == rows_.size() || !map(rows_[i])) break;
    ++i;
  }
  made_.at_quota = at_quota();
  made_.not_allocated_over_quota = static_cast<std::int64_t>(over_supervisors_.size() + rows_.size() - i);
  if (statuses_) fill_statuses();
  release(i);
  return std::move(made_);
}

/// Rows from here on for which nothing can be done, found quickly. A row whose reason is asked for is not idle.
std::size_t MappingPass::count_idle(std::size_t first) {
  if (statuses_ || at_quota()) return 0;
  std::size_t most = rows_.size() - first;
  if (limits_.max_containers > 0)
    most = std::min(most, static_cast<std::size_t>(std::max<std::int64_t>(limits_.max_containers - trying_, 0)));
  if (create_slots_ > 0) {
    std::size_t& end = without_type_until_;
    if (end <= first)
      for (end = first; end < rows_.size() && first_available_type(rows_[end].need()) == kNoType;) ++end;
    most = std::min(most, end - first);
  }
  return fleet_.count_failing(rows_.data() + first, most);
}

bool MappingPass::map(const WaitingRow& row) {
  if (row.is(WaitingRow::supervisor) && (rules_.supervisors_to_the_letter || !row.is(WaitingRow::neither)))
    ++supervisors_;
  if (row.is(WaitingRow::zero)) {
    set_status(row.container(), Reason::priority_zero);
    return true;
  }
  if (row.is(WaitingRow::supervisor) && limits_.max_supervisors > 0 && supervisors_ > limits_.max_supervisors) {
    over_supervisors_.push_back(row.container());
    set_status(row.container(), Reason::supervisor_limit, kNoType, static_cast<std::int64_t>(over_supervisors_.size()));
    return true;
  }
  if (row.is(WaitingRow::neither)) return true;
  if (limits_.max_containers > 0 && trying_ >= limits_.max_containers) return true;
  ++trying_;
  if (const auto instance = fleet_.find(row.need())) {
    put_on(row, *instance);
    return true;
  }
  const std::uint32_t type = first_available_type(row.need());
  if (at_quota() && (type != kNoType || rules_.stop_at_blocked)) return false;
  if (row.is(WaitingRow::queued)) {
    if (type != kNoType) lock(row.container());
  } else if (type == kNoType) {
    set_status(row.container(), Reason::type_capacity, kNoType, ++position_);
  } else if (create_slots_ > 0) {
    create(row, type);
  }
  return true;
}

void MappingPass::put_on(const WaitingRow& row, std::uint32_t instance) {
  if (row.is(WaitingRow::queued)) {
    lock(row.container());
    if (input_.containers[row.container()].old_process) return;
    fleet_.place(instance, row.need());
    if (fleet_[instance].ready && !rules_.fold) made_.ahead.push_back({row.container(), instance});
  } else {
    fleet_.place(instance, row.need());
    start_or_wait(row.container(), instance);
  }
}

void MappingPass::start_or_wait(std::uint32_t c, std::uint32_t instance) {
  if (!fleet_[instance].ready) {
    set_status(c, Reason::new_instance, fleet_[instance].type);
    ++made_.allocated_not_started;
  } else if (input_.containers[c].old_process) {
    made_.kills.push_back(c);
    set_status(c, Reason::previous_attempt);
  } else {
    made_.starts.push_back({c, instance});
    set_status(c, Reason::preparing);
  }
}

void MappingPass::lock(std::uint32_t c) {
  (input_.containers[c].old_process ? made_.kills : made_.locks).push_back(c);
}

void MappingPass::create(const WaitingRow& row, std::uint32_t type) {
  --create_slots_;
  if (instances_left_) --*instances_left_;
  fleet_.create(type, row.need());
  made_.creates.push_back(type);
  set_status(row.container(), Reason::new_instance, type);
  ++made_.allocated_not_started;
}

std::uint32_t MappingPass::first_available_type(std::uint32_t need) {
  const std::uint32_t number = input_.needs[need].type_list;
  if (available_type_[number] == kNotLookedFor) {
    const auto& list = input_.type_lists[number];
    const auto blocked = [&](std::uint32_t type) { return limits_.blocked_types[type]; };
    const auto type = std::find_if_not(list.begin(), list.end(), blocked);
    available_type_[number] = type == list.end() ? kNoType : *type;
  }
  return available_type_[number];
}

/// After the pass: unlocks, and if it stopped at `first_over_quota`, shutdowns (facts §5.5).
void MappingPass::release(std::size_t first_over_quota) {
  const auto unlock = [&](std::uint32_t c) {
    if (input_.containers[c].state == ContainerState::locked) made_.unlocks.push_back(c);
  };
  if (rules_.supervisors_to_the_letter)
    std::for_each(over_supervisors_.begin(), over_supervisors_.end(), unlock);
  else
    made_.unlocks = in_the_way(input_, over_supervisors_);
  if (first_over_quota == rows_.size()) return;

  const bool sole = first_over_quota + 1 == rows_.size();
  const bool keep_first = limits_.total_instances > 0 && !(sole && rules_.unlock_sole);
  const auto from = rows_.begin() + static_cast<std::ptrdiff_t>(first_over_quota) + (keep_first ? 1 : 0);
  std::for_each(from, rows_.end(), [&](const WaitingRow& row) { unlock(row.container()); });

  for (std::uint32_t instance = 0; instance < fleet_.size(); ++instance)
    if (fleet_[instance].containers == 0 && !fleet_[instance].gone) made_.shutdowns.push_back(instance);
  std::sort(made_.shutdowns.begin(), made_.shutdowns.end(),
            [&](std::uint32_t a, std::uint32_t b) { return fleet_.list_key(a) < fleet_.list_key(b); });
}

void MappingPass::fill_statuses() {
  for (const WaitingRow& row : rows_)
    if ((*statuses_)[row.container()].reason == Reason::none && !row.is(WaitingRow::neither))
      set_status(row.container(), made_.at_quota ? Reason::cloud_limits : Reason::cluster_capacity, kNoType,
                 ++position_);
}

}  // namespace

PassRules rules_of(Policy policy) {
  if (policy == Policy::reference) return {true, true, GpuMemory::subtracted, true, true};
  return {};
}

Decisions mapping_pass(const PlanInput& input, const WaitingQueue& queue, Fleet& fleet, const PassRules& rules,
                       std::vector<ContainerStatus>* statuses) {
  return MappingPass(input, queue, fleet, rules, statuses).run();
}

Plan mapping_pass(const PlanInput& input, Fleet& fleet, const PassRules& rules) {
  Plan plan;
  plan.order = scheduling_order(input.containers);
  plan.statuses.resize(input.containers.size());
  for (std::uint32_t c : plan.order)
    if (input.containers[c].in_pool && is_waiting(input.containers[c].state))
      plan.statuses[c].reason = Reason::preparing;
  const WaitingQueue queue(input, plan.order);
  static_cast<Decisions&>(plan) = mapping_pass(input, queue, fleet, rules, &plan.statuses);
  return plan;
}

}  // namespace berth
