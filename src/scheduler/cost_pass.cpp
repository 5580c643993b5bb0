#include "cost_pass.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "cost_cover.hpp"
#include "cost_fleet.hpp"
#include "cost_forecast.hpp"
#include "cost_guard.hpp"
#include "cost_learned.hpp"
#include "cost_ride.hpp"
#include "cost_waiting.hpp"
#include "scheduling_order.hpp"
#include "seconds.hpp"

namespace berth {
namespace {

bool waits(ContainerState state) {
  return state == ContainerState::queued || state == ContainerState::locked;
}

class CostPass {
 public:
  explicit CostPass(const PlanInput& input)
      : input_(input),
        limits_(input.limits),
        rules_(input.cost.rules),
        classes_(input),
        fleet_(classes_),
        rides_(classes_),
        guard_(input.cost.guard),
        worth_(input.instances.size()),
        needed_(input.instances.size()),
        create_slots_(input.limits.create_slots),
        instances_left_(input.limits.instances_left) {
    for (std::uint32_t i = 0; i < input.instances.size(); ++i)
      for (const std::uint32_t c : input.instances[i].containers)
        worth_[i] += classes_.own_price(input.containers[c].need);
  }

  Plan run() && {
    plan_.order = scheduling_order(input_.containers);
    plan_.statuses.resize(input_.containers.size());
    Waiting waiting(classes_, place_on_ready(admit()));
    create_for(waiting);
    plan_.at_quota = at_quota();
    if (!over_quota_.empty()) make_room();
    overtake();
    plan_.not_allocated_over_quota = static_cast<std::int64_t>(over_supervisors_.size() + over_quota_.size());
    for (const std::uint32_t c : over_supervisors_)
      if (locked(c)) plan_.unlocks.push_back(c);
    fill_statuses();
    learn_idle_timeouts();
    return std::move(plan_);
  }

 private:
  std::vector<std::uint32_t> admit();
  std::vector<std::uint32_t> place_on_ready(const std::vector<std::uint32_t>& admitted);
  std::optional<std::uint32_t> find(std::uint32_t container);
  void put_on(std::uint32_t container, std::uint32_t instance);
  void lock(std::uint32_t container);

  void create_for(Waiting& waiting);
  void create_scarce(Waiting& waiting);
  void share_ready(Waiting& waiting);
  void apply(const Waiting& waiting, const Forecast& expected);
  void apply(const Waiting& waiting, const std::vector<Cover>& covers);
  void set_over_quota(const Waiting& waiting);
  bool create(const Cover& cover, std::uint32_t first);

  void make_room();
  void overtake();
  void fill_statuses();
  void learn_idle_timeouts();
  void wake_within(Duration time) { plan_.wake_after = std::min(plan_.wake_after.value_or(time), time); }

  bool at_quota() const { return limits_.at_quota || instances_left_ == 0; }
  std::int64_t slots() const {
    return at_quota() ? 0 : instances_left_.value_or(std::numeric_limits<std::int64_t>::max());
  }
  bool locked(std::uint32_t c) const { return input_.containers[c].state == ContainerState::locked; }
  void set_status(std::uint32_t c, Reason reason, std::uint32_t type = kNoType, std::int64_t position = 0) {
    plan_.statuses[c] = {reason, type, position};
  }

  const PlanInput& input_;
  const PlanLimits& limits_;
  const CostRules& rules_;
  CostNeeds classes_;
  CostFleet fleet_;
  Rides rides_;
  const std::optional<PlanGuard> guard_;
  Plan plan_;
  std::vector<double> worth_;  // by instance: own prices of what is on it, $/hour
  std::vector<char> needed_;   // by instance: the forecast puts something on it
  std::vector<std::uint32_t> over_supervisors_;
  std::vector<std::uint32_t> over_quota_;  // in order
  std::int64_t create_slots_;
  std::optional<std::int64_t> instances_left_;
  std::int64_t position_ = 0;
};

/// Who may run now, in order (facts §5.4 a to d, and the limit).
std::vector<std::uint32_t> CostPass::admit() {
  std::vector<std::uint32_t> admitted;
  std::int64_t supervisors = 0;
  std::int64_t trying = limits_.running;
  for (const std::uint32_t c : plan_.order) {
    const PlanContainer& container = input_.containers[c];
    if (container.supervisor) ++supervisors;
    if (container.in_pool) {
      if (waits(container.state)) set_status(c, Reason::preparing);
    } else if (container.priority < 1) {
      set_status(c, Reason::priority_zero);
    } else if (container.supervisor && limits_.max_supervisors > 0 && supervisors > limits_.max_supervisors) {
      over_supervisors_.push_back(c);
      set_status(c, Reason::supervisor_limit, kNoType, static_cast<std::int64_t>(over_supervisors_.size()));
    } else if (waits(container.state) && (limits_.max_containers <= 0 || trying < limits_.max_containers)) {
      ++trying;
      admitted.push_back(c);
    }
  }
  return admitted;
}

/// Returns those that find no room. What is set aside for the guarded container is so for those behind it in order.
std::vector<std::uint32_t> CostPass::place_on_ready(const std::vector<std::uint32_t>& admitted) {
  std::vector<std::uint32_t> rest;
  std::vector<std::uint32_t> failed_key(input_.needs.size(), kNoType);  // by need class: a run-time key without room
  for (const std::uint32_t c : admitted) {
    const PlanContainer& container = input_.containers[c];
    const bool guarded = guard_ && guard_->container == c;
    if (!guarded && failed_key[container.need] == container.run_time_key) {
      rest.push_back(c);
    } else if (const auto instance = find(c)) {
      put_on(c, *instance);
    } else {
      failed_key[container.need] = container.run_time_key;
      rest.push_back(c);
    }
    if (guarded) fleet_.set_aside(guard_->instance);
  }
  if (guard_) fleet_.set_aside(guard_->instance);
  return rest;
}

std::optional<std::uint32_t> CostPass::find(std::uint32_t c) {
  const std::uint32_t need = input_.containers[c].need;
  if (guard_ && guard_->container == c && fleet_.within_ceiling(guard_->instance, need) &&
      fleet_.has_room(guard_->instance, need))
    return guard_->instance;
  if (!rules_.ride) return fleet_.find(need);
  return fleet_.find(need, [&](std::uint32_t i) { return rides_.allows(c, i); });
}

void CostPass::put_on(std::uint32_t c, std::uint32_t instance) {
  const PlanContainer& container = input_.containers[c];
  if (!locked(c)) {
    lock(c);
    if (container.old_process) return;
    plan_.ahead.push_back({c, instance});
  } else if (container.old_process) {
    plan_.kills.push_back(c);
    set_status(c, Reason::previous_attempt);
  } else {
    plan_.starts.push_back({c, instance});
    set_status(c, Reason::preparing);
  }
  fleet_.place(instance, container.need);
  rides_.put(c, instance);
  worth_[instance] += classes_.own_price(container.need);
}

void CostPass::lock(std::uint32_t c) {
  if (!locked(c)) (input_.containers[c].old_process ? plan_.kills : plan_.locks).push_back(c);
}

void CostPass::create_for(Waiting& waiting) {
  if (waiting.all_left() == 0) return;
  Waiting tried = waiting;
  const Forecast expected = forecast(fleet_, tried, false);
  const std::vector<Cover> covers = cover(tried, rules_.group ? slots() : std::numeric_limits<std::int64_t>::max());
  if (rules_.group && std::ssize(covers) > slots()) return create_scarce(waiting);
  apply(tried, expected);
  apply(tried, covers);
  set_over_quota(tried);
}

void CostPass::create_scarce(Waiting& waiting) {
  share_ready(waiting);
  const Forecast expected = forecast(fleet_, waiting, true);
  const std::vector<Cover> covers = cover_scarce(waiting, slots(), rides_);
  apply(waiting, expected);
  apply(waiting, covers);
  set_over_quota(waiting);
}

/// Instances are scarce: groups are put on ready ones.
void CostPass::share_ready(Waiting& waiting) {
  std::vector<std::vector<Capacity>> too_small(input_.types.size());  // by type: nothing fits, nor in less
  for (std::uint32_t i = 0; i < fleet_.size() && waiting.all_left() > 0; ++i) {
    const FleetInstance& on = fleet_[i];
    if (!on.usable || !on.ready || fleet_.set_aside_is(i)) continue;
    std::vector<Capacity>& rooms = too_small[on.type];
    if (std::any_of(rooms.begin(), rooms.end(), [&](const Capacity& room) { return room.holds_all_of(on.capacity); }))
      continue;
    if (!waiting.any_fits(on.type, on.capacity)) {
      std::erase_if(rooms, [&](const Capacity& room) { return on.capacity.holds_all_of(room); });
      rooms.push_back(on.capacity);
      continue;
    }
    const auto ranks = fill_if_worth(waiting, on.type, on.capacity, places_left(input_, fleet_, i), worth_[i]);
    for (const std::uint32_t rank : ranks) put_on(waiting.container(rank), i);
  }
}

void CostPass::apply(const Waiting& waiting, const Forecast& expected) {
  for (const Forecast::Room& room : expected.booting) {
    const std::uint32_t c = waiting.container(room.rank);
    needed_[room.instance] = 1;
    if (locked(c)) {
      set_status(c, Reason::new_instance, fleet_[room.instance].type);
      ++plan_.allocated_not_started;
    }
    lock(c);
  }
  for (const Forecast::Room& room : expected.soon)
    set_status(waiting.container(room.rank), Reason::room_soon, fleet_[room.instance].type);
  if (expected.due) wake_within(*expected.due);
}

void CostPass::apply(const Waiting& waiting, const std::vector<Cover>& covers) {
  for (const Cover& cover : covers) {
    const bool refused = at_quota();
    const bool created = !refused && create(cover, waiting.container(cover.ranks.front()));
    for (const std::uint32_t rank : cover.ranks) {
      const std::uint32_t c = waiting.container(rank);
      if (refused) {
        over_quota_.push_back(c);
      } else if (created && locked(c)) {
        set_status(c, Reason::new_instance, cover.type);
        ++plan_.allocated_not_started;
      } else {
        lock(c);
      }
    }
  }
}

/// Only for one that is Locked, and only if the pool would.
bool CostPass::create(const Cover& cover, std::uint32_t first) {
  if (!locked(first) || create_slots_ <= 0) return false;
  --create_slots_;
  if (instances_left_) --*instances_left_;
  plan_.creates.push_back(cover.type);
  return true;
}

/// What nothing can be created for.
void CostPass::set_over_quota(const Waiting& waiting) {
  for (const std::uint32_t rank : waiting.rest()) {
    const std::uint32_t c = waiting.container(rank);
    const auto& types = types_for(input_, input_.containers[c].need, false);
    const bool no_type =
        std::all_of(types.begin(), types.end(), [&](std::uint32_t t) { return limits_.blocked_types[t]; });
    if (!no_type && at_quota()) over_quota_.push_back(c);
    if (no_type && locked(c)) set_status(c, Reason::type_capacity, kNoType, ++position_);
  }
  const auto rank_of = plan_.order.size();
  std::vector<std::uint32_t> place(input_.containers.size(), static_cast<std::uint32_t>(rank_of));
  for (std::uint32_t i = 0; i < plan_.order.size(); ++i) place[plan_.order[i]] = i;
  std::sort(over_quota_.begin(), over_quota_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return place[a] < place[b]; });
}

/// Some containers get nothing although they could if there were fewer or other instances.
void CostPass::make_room() {
  for (std::uint32_t i = 0; i < input_.instances.size(); ++i)
    if (fleet_[i].containers == 0 && !needed_[i] && !fleet_[i].gone) plan_.shutdowns.push_back(i);
  std::sort(plan_.shutdowns.begin(), plan_.shutdowns.end(),
            [&](std::uint32_t a, std::uint32_t b) { return fleet_.list_key(a) < fleet_.list_key(b); });
  const GuardDecision decision = guard(input_, over_quota_);
  if (decision.due) wake_within(*decision.due);
  plan_.guard = decision.guard;
  if (plan_.guard)
    set_status(plan_.guard->container, Reason::making_room, input_.instances[plan_.guard->instance].type);
}

/// What is Queued and more urgent than something Locked that gets no instance either is locked, too, as many as there
/// is of that, and so comes first in order. Facts §5.5 unlocks the less urgent instead; but each lock counts against
/// its container, and here some may be given and taken back whenever an instance goes.
void CostPass::overtake() {
  std::vector<std::int64_t> priorities;
  for (const std::uint32_t c : over_quota_)
    if (locked(c)) priorities.push_back(input_.containers[c].priority);
  std::sort(priorities.begin(), priorities.end());
  std::ptrdiff_t ahead = std::ssize(priorities);
  for (const std::uint32_t c : over_quota_) {
    if (locked(c)) continue;
    const auto from = std::lower_bound(priorities.begin(), priorities.end(), input_.containers[c].priority);
    const std::ptrdiff_t less_urgent = from - priorities.begin();
    if (2 * less_urgent <= ahead) return;  // enough of what is Locked is no less urgent
    lock(c);
    ++ahead;
  }
}

void CostPass::fill_statuses() {
  for (const std::uint32_t c : plan_.order)
    if (plan_.statuses[c].reason == Reason::none && waits(input_.containers[c].state))
      set_status(c, plan_.at_quota ? Reason::cloud_limits : Reason::cluster_capacity, kNoType, ++position_);
}

void CostPass::learn_idle_timeouts() {
  if (!rules_.learn_idle_timeout || !input_.cost.learned) return;
  const LearnedTimes& learned = *input_.cost.learned;
  for (std::uint32_t t = 0; t < input_.types.size(); ++t)
    plan_.idle_timeouts.push_back(learned.idle_gaps.timeout(t, rules_.timeout_idle, learned.boot_time()));
}

}  // namespace

Plan cost_pass(const PlanInput& input) {
  return CostPass(input).run();
}

}  // namespace berth
