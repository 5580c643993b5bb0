// What must hold of the place that a container is given.
#include <algorithm>
#include <map>
#include <vector>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"
#include "needs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration long_enough = 3min;  // to have been told of a runner, and to have reckoned with it
constexpr Duration time_to_look = 2s;   // at a 503: for the next pass
constexpr Duration quiet_time = 60s;    // after a 503

/// Its dispatcher knows of a runner there beside this container's.
bool runs_another(const PoolInstance* known, const SimVm& vm, const std::string& uuid) {
  return known && std::ranges::any_of(known->containers, [&](const std::string& other) {
           return other != uuid && vm.machine->runners().contains(other);
         });
}

/// Processes that the pool has started itself, and that have not ended.
std::int64_t started_by(const PoolSnapshot& pool) {
  return std::ranges::count_if(pool.running,
                               [](const auto& entry) { return entry.second.started && !entry.second.exited; });
}

}  // namespace

/// As soon as it is Locked, where the pass that locked it has put it.
bool Invariants::starts_at_once(const Known& its, const std::string& uuid) const {
  const auto until = its.locking_until.find(uuid);
  return until != its.locking_until.end() && core_.now() - until->second <= at_once;
}

bool Invariants::check_eligible(const Link& link, const SimVm& vm, const std::string& uuid) {
  const Cluster& as_configured = *link.cluster;
  const Container& container = store_.all().at(uuid).container;
  const InstanceType& type = as_configured.instance_types.at(vm.type->name);
  if (!holds(type, container, as_configured.containers)) {
    core_.violate("eligible-type",
                  uuid + " is started on a " + type.name + ", which is too small or of the wrong kind");
    return false;
  }
  if (within_ceiling(type, container, as_configured)) return false;
  if (vms().policy == "cost") return check_above_ceiling(link, vm, uuid);
  core_.violate("eligible-type", uuid + " is started on a " + type.name + ", which is too dear for it");
  return false;
}

/// Policy `cost`: it rides on what runs there already, whatever that costs; or it is one of a group that may be worth
/// the instance together: of what is there, or comes there with it, or waits. Where both may be, a ride is taken for
/// granted.
bool Invariants::check_above_ceiling(const Link& link, const SimVm& vm, const std::string& uuid) {
  const Known& its = known(link);
  const bool may_ride = vms().cost_policy.ride;
  const auto locked_by = starts_at_once(its, uuid) ? its.locked_by.find(uuid) : its.locked_by.end();
  const Seen decided = locked_by != its.locked_by.end() ? locked_by->second : Seen{its.queue, its.pool};
  const PoolInstance* then = decided.pool ? decided.pool->find(vm.id) : nullptr;
  if (may_ride && (!then || !then->containers.empty())) return false;
  const std::shared_ptr<const PoolSnapshot> now = link.dispatcher->pool()->snapshot();
  if (may_ride && runs_another(now->find(vm.id), vm, uuid)) return false;  // found since, and planned with
  const InstanceType& type = link.cluster->instance_types.at(vm.type->name);
  std::map<std::string, const Container*> group;
  const auto add = [&](const std::string& one) {
    const auto record = store_.all().find(one);
    if (record != store_.all().end() && holds(type, record->second.container, link.cluster->containers))
      group.emplace(one, &record->second.container);
  };
  for (const PoolInstance* instance : {then, now->find(vm.id)})
    if (instance) std::ranges::for_each(instance->containers, add);
  for (const auto& queue : {decided.queue, its.queue, link.dispatcher->queue()->snapshot()})
    if (queue)
      for (const auto& entry : queue->entries)
        if (is_waiting(entry->container.state)) add(entry->container.uuid);
  std::vector<const Container*> all;
  bool any_within = false;
  for (const auto& [one, container] : group) {
    all.push_back(container);
    any_within = any_within || within_ceiling(type, *container, *link.cluster);
  }
  if (may_ride && any_within) return false;
  const bool limited = vms().max_instances > 0 || its.met_quota;
  if (limited && may_be_worth(type, all, *link.cluster)) return true;
  core_.violate("eligible-type", uuid + " is started on a " + type.name + ", which is too dear for it, and for all " +
                                     std::to_string(all.size()) + " that might share it");
  return false;
}

/// As many supervisors as SupervisorFraction of the limit of containers lets: that is what it is at first, or a tenth
/// more than have run (facts §5.3). What lowers it is not looked at, nor are those that have ended and whose process
/// has not.
void Invariants::check_supervisors(const Link& link, const std::string& uuid) {
  const auto is_supervisor = [&](const std::string& one) {
    const auto record = store_.all().find(one);
    return record != store_.all().end() && !is_final(record->second.container.state) &&
           record->second.container.scheduling_parameters.supervisor;
  };
  if (!is_supervisor(uuid)) return;
  const std::int64_t at_first = vms().initial_quota_estimate > 0 ? vms().initial_quota_estimate : vms().max_instances;
  if (at_first <= 0 || vms().supervisor_fraction <= 0) return;
  const Known& its = known(link);
  const auto running = static_cast<std::int64_t>(link.dispatcher->pool()->snapshot()->running.size());
  const std::int64_t grown = std::max(its.most_running, running) * 11 / 10 + 1;
  const auto most =
      static_cast<std::int64_t>(static_cast<double>(std::max(at_first, grown)) * vms().supervisor_fraction);
  const auto locked_by = its.locked_by.find(uuid);
  const std::shared_ptr<const QueueSnapshot> seen =
      locked_by == its.locked_by.end() ? its.queue : locked_by->second.queue;
  const auto is_hidden = [&](const std::string& one) {  // by an old page of a list
    const QueueEntry* entry = seen ? seen->entries.find(one) : nullptr;
    return core_.options.faults.list_stale > 0 && (!entry || entry->container.state == ContainerState::queued);
  };
  std::int64_t others = 0;
  for (const auto& [id, instance] : its.instances) {
    const auto vm = cloud_.find(id);
    if (!vm) continue;
    for (const std::string& one : instance.given)
      if (one != uuid && vm->machine->find(one) && is_supervisor(one) && !is_hidden(one)) ++others;
  }
  if (others >= std::max<std::int64_t>(most, 1))
    core_.violate("supervisors", uuid + " is started beside " + std::to_string(others) +
                                     " other supervisors, of at most " + std::to_string(most));
}

/// What ran as the API said 503, and what has been found since, which may have been before the limit was set.
void Invariants::note_unavailable(const Link& link) {
  Known& its = known(link);
  const bool is_new =
      its.first_list && link.last_503 >= its.first_list && (!its.unavailable || its.unavailable->told < *link.last_503);
  if (is_new) its.unavailable = Unavailable{*link.last_503, 0, 0};
  if (!its.unavailable || core_.now() - its.unavailable->told > quiet_time) return;
  const auto pool = link.dispatcher->pool()->snapshot();
  if (!is_new && its.pool && its.pool->version == pool->version) return;
  Unavailable& then = *its.unavailable;
  if (is_new && its.pool) then.running = std::ssize(its.pool->running);
  if (is_new || core_.now() - then.told <= time_to_look)
    then.running = std::max<std::int64_t>(then.running, pool->running.size());
  then.found = std::max(then.found, std::ssize(pool->running) - started_by(*pool));
}

/// For a minute after a 503 no more may run than did then (facts §5.3: one less). What was being locked then is started
/// as soon as it is Locked.
void Invariants::check_load(const Link& link, const std::string& uuid) {
  Known& its = known(link);
  if (!its.unavailable) return;
  Unavailable& then = *its.unavailable;
  const Duration since = core_.now() - then.told;
  if (since <= time_to_look || since > quiet_time) return;
  const std::int64_t running = started_by(*link.dispatcher->pool()->snapshot());
  const auto lock = its.lock_sent.find(uuid);
  if (lock != its.lock_sent.end() && lock->second <= then.told + time_to_look && starts_at_once(its, uuid)) {
    then.running = std::max(then.running, running);
    return;
  }
  const std::int64_t most = std::max<std::int64_t>(1, then.running + then.found);
  if (running > most)
    core_.violate("load", uuid + " is started, and so " + std::to_string(running) + " run of at most " +
                              std::to_string(most) + " after a 503");
}

/// From now on it reckons with that container there, and with what it must have known of for long.
void Invariants::give(const Link& link, const SimVm& vm, const std::string& uuid) {
  KnownInstance& instance = known(link).instances[vm.id];
  std::erase_if(instance.given, [&](const std::string& one) { return !vm.machine->find(one); });
  for (const auto& [one, runner] : vm.machine->runners())
    if (instance.probed && *instance.probed >= runner.began && core_.now() - runner.began > long_enough)
      instance.given.insert(one);
  instance.given.insert(uuid);
}

/// The runners there that it reckons with do not need more than the type has.
void Invariants::check_room(const Link& link, const SimVm& vm) {
  const KnownInstance& instance = known(link).instances[vm.id];
  std::vector<const Container*> there;
  for (const auto& [uuid, runner] : vm.machine->runners()) {
    const auto record = store_.all().find(uuid);
    if (instance.given.contains(uuid) && record != store_.all().end()) there.push_back(&record->second.container);
  }
  if (!hold_together(*vm.type, there, cluster().containers))
    core_.violate("room", vm.id + " has been given more than a " + vm.type->name +
                              " holds: " + std::to_string(there.size()) + " containers");
}

}  // namespace berth
