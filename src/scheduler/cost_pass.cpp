#include "cost_pass.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
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

class CostPass {
 public:
  CostPass(const CostState& state, WaitReasons& reasons)
      : classes_(state.classes),
        input_(classes_.input()),
        limits_(input_.limits),
        rules_(input_.cost.rules),
        queue_(state.queue),
        fleet_(state.fleet),
        rides_(state.rides),
        running_(state.running),
        reasons_(reasons),
        guard_(input_.cost.guard),
        put_worth_(input_.instances.size()),
        supervisors_(queue_.supervisors_in_pool() + queue_.supervisors_elsewhere()),
        trying_(limits_.running),
        create_slots_(limits_.create_slots),
        instances_left_(limits_.instances_left) {}

  Decisions run() && {
    const std::vector<WaitingRow> rest = place_on_ready();
    if (!rest.empty()) create_for(rest);
    plan_.at_quota = at_quota();
    if (!over_quota_.empty()) make_room();
    overtake();
    plan_.not_allocated_over_quota = static_cast<std::int64_t>(over_supervisors_.size() + over_quota_.size());
    plan_.unlocks = in_the_way(input_, over_supervisors_);
    reasons_.rest = plan_.at_quota ? Reason::cloud_limits : Reason::cluster_capacity;
    learn_idle_timeouts();
    return std::move(plan_);
  }

 private:
  bool admits(const WaitingRow& row);
  std::vector<WaitingRow> place_on_ready();
  bool guards(const WaitingRow& row) const { return guard_ && guard_->container == row.container(); }
  std::optional<std::uint32_t> find(const WaitingRow& row);
  bool shares(std::uint32_t instance, std::uint32_t need) const;
  void put_on(std::uint32_t container, std::uint32_t instance);
  void lock(std::uint32_t container);
  double worth(std::uint32_t instance) const;

  void create_for(const std::vector<WaitingRow>& rest);
  void lock_coverable(const std::vector<WaitingRow>& rest);
  void create_scarce(Waiting& waiting);
  void share_ready(Waiting& waiting);
  bool has_guarded(const Waiting& waiting, const std::vector<std::uint32_t>& ranks) const;
  std::vector<std::uint32_t> instances_with_room(Waiting& waiting) const;
  void apply(const Waiting& waiting, const Forecast& expected);
  void apply(const Waiting& waiting, const Covers& covers);
  void set_over_quota(const Waiting& waiting);
  bool is_blocked(std::uint32_t need) const;
  void set_type_capacity(std::uint32_t container);
  bool create(std::uint32_t type, std::uint32_t first);

  void make_room();
  void overtake();
  void learn_idle_timeouts();
  void wake_within(Duration time) { plan_.wake_after = std::min(plan_.wake_after.value_or(time), time); }

  bool at_quota() const { return limits_.at_quota || instances_left_ == 0; }
  std::int64_t slots() const {
    return at_quota() ? 0 : instances_left_.value_or(std::numeric_limits<std::int64_t>::max());
  }
  bool locked(std::uint32_t c) const { return input_.containers[c].state == ContainerState::locked; }
  void set_status(std::uint32_t c, Reason reason, std::uint32_t type = kNoType, std::int64_t position = 0) {
    reasons_.told.emplace_back(c, ContainerStatus{reason, type, position});
  }

  const CostNeeds& classes_;
  const PlanInput& input_;
  const PlanLimits& limits_;
  const CostRules& rules_;
  const WaitingQueue& queue_;
  CostFleet& fleet_;
  Rides& rides_;
  RunningByKey& running_;
  WaitReasons& reasons_;
  const std::optional<PlanGuard> guard_;
  Decisions plan_;
  std::vector<double> put_worth_;             // by instance: own prices of what this pass puts there, $/hour
  std::unordered_set<std::uint32_t> needed_;  // instances that the forecast puts something on
  std::vector<std::uint32_t> over_supervisors_;
  std::vector<std::uint32_t> over_quota_;  // in order
  std::vector<std::uint32_t> refused_;     // ranks of what is over quota
  std::int64_t supervisors_;               // so far
  std::int64_t trying_;                    // so far
  std::int64_t create_slots_;
  std::optional<std::int64_t> instances_left_;
};

/// Whether it may run now (facts §5.4 a to d, and the limit); each is asked for once, in order.
bool CostPass::admits(const WaitingRow& row) {
  if (row.is(WaitingRow::supervisor) && !row.is(WaitingRow::neither)) ++supervisors_;
  if (row.is(WaitingRow::zero)) {
    set_status(row.container(), Reason::priority_zero);
    return false;
  }
  if (row.is(WaitingRow::supervisor) && limits_.max_supervisors > 0 && supervisors_ > limits_.max_supervisors) {
    over_supervisors_.push_back(row.container());
    set_status(row.container(), Reason::supervisor_limit, kNoType, std::ssize(over_supervisors_));
    return false;
  }
  if (row.is(WaitingRow::neither) || (limits_.max_containers > 0 && trying_ >= limits_.max_containers)) return false;
  ++trying_;
  return true;
}

/// Those that may run, but find no room. What is set aside for the guarded container is so for those behind it in
/// order.
std::vector<WaitingRow> CostPass::place_on_ready() {
  std::vector<std::uint32_t> refused_key(input_.needs.size(), kNoType);  // by need class: the last that may not ride
  const auto has_failed = [&](const WaitingRow& row) {
    if (refused_key[row.need()] == row.run_time_key() || fleet_.has_failed(row.need(), rules_.ride)) return true;
    if (!rules_.ride || !fleet_.is_refused(row.need(), row.run_time_key())) return false;
    refused_key[row.need()] = row.run_time_key();
    return true;
  };
  const auto place = [&](const WaitingRow& row) {
    if (const auto instance = find(row)) {
      put_on(row.container(), *instance);
      return true;
    }
    if (!fleet_.has_failed(row.need(), rules_.ride)) refused_key[row.need()] = row.run_time_key();
    return false;
  };
  std::vector<WaitingRow> rest;
  rest.reserve(queue_.rows().size());
  for (const WaitingRow& row : queue_.rows()) {
    if (!admits(row)) continue;
    if ((has_failed(row) && !guards(row)) || !place(row)) rest.push_back(row);
    if (guards(row)) fleet_.set_aside(guard_->instance);
  }
  if (guard_) fleet_.set_aside(guard_->instance);
  return rest;
}

std::optional<std::uint32_t> CostPass::find(const WaitingRow& row) {
  const std::uint32_t need = row.need();
  if (guards(row) && fleet_.has_room(guard_->instance, need) &&
      (fleet_.within_ceiling(guard_->instance, need) || shares(guard_->instance, need)))
    return guard_->instance;
  if (!rules_.ride) return fleet_.find(need);
  const Rides::Rider rider = rides_.rider(need, row.run_time_key());
  const auto may_ride = [this, &rider](std::uint32_t i) { return rides_.allows(rider, i); };
  return fleet_.find(need, may_ride, row.run_time_key());
}

/// Instances are scarce: whether it and what is there are worth this one together.
bool CostPass::shares(std::uint32_t instance, std::uint32_t need) const {
  if (!rules_.group || !(at_quota() || instances_left_)) return false;
  const double price = input_.types[fleet_[instance].type].price;
  return worth(instance) + classes_.own_price(need) >= least_worth(rules_) * price;
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
  put_worth_[instance] += classes_.own_price(container.need);
}

void CostPass::lock(std::uint32_t c) {
  if (!locked(c)) (input_.containers[c].old_process ? plan_.kills : plan_.locks).push_back(c);
}

/// Own prices of what is on it, $/hour.
double CostPass::worth(std::uint32_t instance) const {
  double sum = put_worth_[instance];
  for (const std::uint32_t c : input_.instances[instance].containers)
    sum += classes_.own_price(input_.containers[c].need);
  return sum;
}

void CostPass::create_for(const std::vector<WaitingRow>& rest) {
  const bool limited = at_quota() || instances_left_;
  if (!limited && create_slots_ <= 0 && !anything_expected(classes_, fleet_, running_)) return lock_coverable(rest);
  Waiting waiting(classes_, rest);
  std::optional<Waiting> all;
  if (limited && rules_.group) all.emplace(waiting);
  const Forecast expected = forecast(fleet_, running_, waiting, false);
  Covers covers;
  if (limited && rules_.group) {
    const bool scarce = at_quota() ? any_coverable(waiting) : (covers = cover(waiting, slots())).size() > slots();
    if (scarce) return create_scarce(*all);
  } else {
    covers = cover(waiting, std::numeric_limits<std::int64_t>::max());
  }
  apply(waiting, expected);
  apply(waiting, covers);
  set_over_quota(waiting);
}

/// Nothing can be created now, but instances for these may be.
void CostPass::lock_coverable(const std::vector<WaitingRow>& rest) {
  for (const WaitingRow& row : rest)
    if (row.is(WaitingRow::queued) && coverable(input_, row.need())) lock(row.container());
  const auto& blocked = limits_.blocked_types;
  if (!classes_.any_without_type() && std::find(blocked.begin(), blocked.end(), true) == blocked.end()) return;
  for (const WaitingRow& row : rest)
    if (is_blocked(row.need())) set_type_capacity(row.container());
}

void CostPass::create_scarce(Waiting& waiting) {
  share_ready(waiting);
  const Forecast expected = forecast(fleet_, running_, waiting, true);
  const Covers covers = cover_scarce(waiting, slots(), rides_);
  apply(waiting, expected);
  apply(waiting, covers);
  set_over_quota(waiting);
}

/// Instances are scarce: groups are put on ready ones.
void CostPass::share_ready(Waiting& waiting) {
  for (const std::uint32_t i : instances_with_room(waiting)) {
    const FleetInstance& on = fleet_[i];
    const auto ranks = fill_if_worth(waiting, on.type, on.capacity, places_left(input_, fleet_, i), worth(i));
    if (fleet_.set_aside_is(i) && !has_guarded(waiting, ranks)) {
      for (const std::uint32_t rank : ranks) waiting.put_back(waiting.need(rank));
      continue;
    }
    for (const std::uint32_t rank : ranks) put_on(waiting.container(rank), i);
  }
}

bool CostPass::has_guarded(const Waiting& waiting, const std::vector<std::uint32_t>& ranks) const {
  return std::any_of(ranks.begin(), ranks.end(),
                     [&](std::uint32_t rank) { return waiting.container(rank) == guard_->container; });
}

/// The ready ones that something fits on, whatever it costs, sorted.
std::vector<std::uint32_t> CostPass::instances_with_room(Waiting& waiting) const {
  std::vector<std::vector<Capacity>> too_small(input_.types.size());  // by type: nothing fits, nor in less
  std::vector<std::uint32_t> with_room;
  for (std::uint32_t i = 0; i < fleet_.size(); ++i) {
    const FleetInstance& on = fleet_[i];
    if (!on.usable || !on.ready || (fleet_.set_aside_is(i) && !input_.instances[i].containers.empty())) continue;
    std::vector<Capacity>& rooms = too_small[on.type];
    if (std::any_of(rooms.begin(), rooms.end(), [&](const Capacity& room) { return room.holds_all_of(on.capacity); }))
      continue;
    if (waiting.any_fits(on.type, on.capacity)) {
      with_room.push_back(i);
      continue;
    }
    std::erase_if(rooms, [&](const Capacity& room) { return on.capacity.holds_all_of(room); });
    rooms.push_back(on.capacity);
  }
  std::sort(with_room.begin(), with_room.end(),
            [&](std::uint32_t a, std::uint32_t b) { return fleet_.list_key(a) < fleet_.list_key(b); });
  return with_room;
}

void CostPass::apply(const Waiting& waiting, const Forecast& expected) {
  for (const Forecast::Room& room : expected.booting) {
    const std::uint32_t c = waiting.container(room.rank);
    needed_.insert(room.instance);
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

void CostPass::apply(const Waiting& waiting, const Covers& covers) {
  for (const Covers::Cover& cover : covers) {
    const auto ranks = covers.ranks(cover);
    const bool refused = at_quota();
    const bool created = !refused && create(cover.type, waiting.container(ranks.front()));
    for (const std::uint32_t rank : ranks) {
      const std::uint32_t c = waiting.container(rank);
      if (refused) {
        refused_.push_back(rank);
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
bool CostPass::create(std::uint32_t type, std::uint32_t first) {
  if (!locked(first) || create_slots_ <= 0) return false;
  --create_slots_;
  if (instances_left_) --*instances_left_;
  plan_.creates.push_back(type);
  return true;
}

/// What nothing can be created for.
void CostPass::set_over_quota(const Waiting& waiting) {
  if (waiting.all_left() > 0)
    for (const std::uint32_t rank : waiting.rest()) {
      if (is_blocked(waiting.need(rank)))
        set_type_capacity(waiting.container(rank));
      else if (at_quota())
        refused_.push_back(rank);
    }
  if (!std::is_sorted(refused_.begin(), refused_.end())) std::sort(refused_.begin(), refused_.end());
  over_quota_.reserve(refused_.size());
  for (const std::uint32_t rank : refused_) over_quota_.push_back(waiting.container(rank));
}

/// None of its types is available.
bool CostPass::is_blocked(std::uint32_t need) const {
  const auto& types = types_for(input_, need, false);
  return std::all_of(types.begin(), types.end(), [&](std::uint32_t t) { return limits_.blocked_types[t]; });
}

void CostPass::set_type_capacity(std::uint32_t c) {
  if (locked(c)) set_status(c, Reason::type_capacity, kNoType, ++reasons_.positions);
}

/// Some containers get nothing although they could if there were fewer or other instances.
void CostPass::make_room() {
  fleet_.for_each_vacant([&](std::uint32_t i) {
    if (!needed_.contains(i)) plan_.shutdowns.push_back(i);
  });
  std::sort(plan_.shutdowns.begin(), plan_.shutdowns.end(),
            [&](std::uint32_t a, std::uint32_t b) { return fleet_.list_key(a) < fleet_.list_key(b); });
  const GuardDecision decision = guard(input_, fleet_, over_quota_);
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

void CostPass::learn_idle_timeouts() {
  if (!rules_.learn_idle_timeout || !input_.cost.learned) return;
  const LearnedTimes& learned = *input_.cost.learned;
  for (std::uint32_t t = 0; t < input_.types.size(); ++t)
    plan_.idle_timeouts.push_back(learned.idle_gaps.timeout(t, rules_.timeout_idle, learned.boot_time()));
}

}  // namespace

std::vector<ContainerStatus> statuses_of(const PlanInput& input, const std::vector<std::uint32_t>& order,
                                         const WaitReasons& reasons) {
  std::vector<ContainerStatus> statuses(input.containers.size());
  for (const auto& [container, status] : reasons.told) statuses[container] = status;
  std::int64_t position = reasons.positions;
  for (const std::uint32_t c : order) {
    if (!is_waiting(input.containers[c].state)) continue;
    if (input.containers[c].in_pool)
      statuses[c] = {Reason::preparing, kNoType, 0};
    else if (statuses[c].reason == Reason::none)
      statuses[c] = {reasons.rest, kNoType, ++position};
  }
  return statuses;
}

Decisions cost_pass(const CostState& state, WaitReasons& reasons) {
  return CostPass(state, reasons).run();
}

Plan cost_pass(const PlanInput& input) {
  Plan plan;
  plan.order = scheduling_order(input.containers);
  const WaitingQueue queue(input, plan.order);
  const CostNeeds classes(input);
  CostFleet fleet(classes);
  Rides rides(classes);
  RunningByKey running(input);
  WaitReasons reasons;
  static_cast<Decisions&>(plan) = cost_pass({queue, classes, fleet, rides, running}, reasons);
  plan.statuses = statuses_of(input, plan.order, reasons);
  return plan;
}

}  // namespace berth
