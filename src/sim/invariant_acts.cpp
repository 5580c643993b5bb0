// What must hold when a dispatcher creates, destroys, kills or cancels.
#include <algorithm>
#include <utility>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"
#include "needs.hpp"
#include "sim_instances.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_command = 2min;

/// It has been given up, and what ran there with it.
bool is_shut_down(const Link& link, const std::string& id) {
  const auto pool = link.dispatcher->pool()->snapshot();
  const PoolInstance* instance = pool->find(id);
  return instance && instance->state == WorkerState::shutdown;
}

}  // namespace

void Invariants::acts(const Link& link, std::string_view verb, const std::string& subject) {
  if (link.dead || !link.lease) return;
  Known& its = known(link);
  ++its.calls;
  if (!link.lease->held())
    core_.violate("lease", std::string(verb) + ' ' + subject + " by a dispatcher that is not the active one");
  if (verb == "lock" || verb == "unlock") {
    if (!its.first_change) its.first_change = core_.now();
    if (verb == "lock" && has_just_begun(its)) ++forced_unlocks_[subject];
  }
  if (verb == "unlock") {
    its.unlocking_until[subject] = SteadyTime::max();
    its.locked_by.erase(subject);
  }
  if (verb == "lock") {
    its.passed_over.erase(subject);
    check_lock_order(link, subject);
    its.lock_sent[subject] = core_.now();
    if (vms().policy == "cost" && link.dispatcher)
      its.locked_by[subject] = {link.dispatcher->queue()->snapshot(), link.dispatcher->pool()->snapshot()};
    its.locking_until[subject] = SteadyTime::max();
  }
  if (verb == "cancel") check_cancel(link, subject);
}

void Invariants::check_cancel(const Link& link, const std::string& subject) {
  Known& its = known(link);
  cancel_sent_[subject] = core_.now();
  const SimRecord& record = store_.all().at(subject);
  for (const auto& [id, vm] : cloud_.all()) {
    const SimRunner* runner = vm->machine->find(subject);
    if (!runner || runner->stage != SimRunner::Stage::running) continue;
    const auto known_vm = its.instances.find(id);
    const bool could_look = known_vm != its.instances.end() && known_vm->second.listed &&
                            !known_vm->second.destroying && known_vm->second.missing_since < runner->began;
    if (record.container.state == ContainerState::running && could_look && !is_shut_down(link, id))
      core_.violate("cancels-no-living", subject + " is cancelled as lost although its runner lives on " + id);
  }
}

/// With one more, now.
std::int64_t Invariants::count_within(Duration time, std::deque<SteadyTime>& recent) const {
  while (!recent.empty() && recent.front() <= core_.now() - time) recent.pop_front();
  recent.push_back(core_.now());
  return std::ssize(recent);
}

void Invariants::cloud_called(const Link& link) {
  const std::int64_t most = vms().max_cloud_ops_per_second;
  if (link.dead || most <= 0) return;
  if (const std::int64_t calls = count_within(1s, cloud_calls_[link.number]); calls > most)
    core_.violate("cloud-rate",
                  std::to_string(calls) + " calls to the cloud within a second, of at most " + std::to_string(most));
}

void Invariants::end_told(const Link& link, const SimVm& vm) {
  news(link, vm) = {core_.now(), SteadyTime::max()};
}

/// What was told of a runner meanwhile is looked into only now.
void Invariants::start_ended(const Link& link, const SimVm& vm) {
  WatchNews& its = news(link, vm);
  if (core_.now() - its.end_told < longest_command)
    its.to_check_until = std::max(its.to_check_until, core_.now() + longest_check_pause);
}

/// At the pace of MaxProbesPerSecond, but for those that look into what an exit watch has told.
void Invariants::probe_begun(const Link& link, const SimVm& vm) {
  const std::int64_t most = vms().max_probes_per_second;
  if (link.dead || most <= 0 || core_.now() <= news(link, vm).to_check_until) return;
  if (const std::int64_t begun = count_within(1s, known(link).probes); begun > most)
    core_.violate("probe-rate",
                  std::to_string(begun) + " probes begun within a second, of at most " + std::to_string(most));
}

void Invariants::touches(const Link& link, const SimVm& vm) {
  if (!link.dead && vm.foreign) core_.violate("foreign", vm.id + " is not the dispatcher's, and it touches it");
}

void Invariants::create_begun(const Link& link, const CreateRequest& request) {
  Known& its = known(link);
  if (!link.dead) {
    check_create(its, request.type);
    check_create_price(link, request.type.name);
  }
  its.creates.insert(secret_of(request.tags));
  its.creates_in_flight.insert(secret_of(request.tags));
  note_most(link);
}

void Invariants::note_most(const Link& link) {
  if (vms().max_instances > 0 && counted(known(link)) >= vms().max_instances) limited_.insert(link.number);
}

void Invariants::check_create(Known& its, const InstanceType& type) {
  const std::int64_t have = counted(its);
  if (vms().max_instances > 0 && have >= vms().max_instances)
    core_.violate("max-instances", "a create with " + std::to_string(have) + " instances, of at most " +
                                       std::to_string(vms().max_instances));
  const std::int64_t most = vms().max_concurrent_instance_create_ops;
  if (most > 0 && std::ssize(its.creates_in_flight) >= most)
    core_.violate("max-creates", "more creates at a time than the limit of " + std::to_string(most));
  if (core_.now() < its.creates_throttled_until)
    core_.violate("rate-limit", "a create before the time that the cloud has named");
  for (const std::string& key : {std::string("everything"), "type " + type.name,
                                 std::string(type.preemptible ? "group spot" : "group standard")})
    if (const auto until = its.no_room_until.find(key); until != its.no_room_until.end() && core_.now() < until->second)
      core_.violate("capacity", "a create of a " + type.name + " although the cloud has just said that it has no room");
  if (its.over_quota && core_.now() < its.over_quota_until)
    core_.violate("quota", "a create although the cloud has just said that the quota is met");
}

/// What waits, now or as of the turn before this one, and fits the type: for one of them the type is within the
/// ceiling, or, with policy `cost`, as many of them as it holds may be worth it together.
void Invariants::check_create_price(const Link& link, const std::string& name) {
  if (!link.dispatcher) return;
  const Cluster& as_configured = *link.cluster;
  const InstanceType& type = as_configured.instance_types.at(name);
  std::map<std::string, const Container*> fitting;
  for (const auto& queue : {link.dispatcher->queue()->snapshot(), known(link).queue}) {
    if (!queue) continue;
    for (const auto& entry : queue->entries) {
      if (!is_waiting(entry->container.state)) continue;
      const Container& container = store_.all().at(entry->container.uuid).container;
      if (!holds(type, container, as_configured.containers)) continue;
      if (within_ceiling(type, container, as_configured)) return;
      fitting.emplace(entry->container.uuid, &container);
    }
  }
  if (fitting.empty())
    return core_.violate("eligible-type", "a create of a " + name + ", and nothing waits that fits it");
  std::vector<const Container*> group;
  for (const auto& [uuid, container] : fitting) group.push_back(container);
  if (vms().policy == "cost" && may_be_worth(type, group, as_configured)) return;
  core_.violate("eligible-type", "a create of a " + name + ", which is too dear for all that waits: " +
                                     std::to_string(fitting.size()) + " that fit it");
}

void Invariants::destroy_sent(const Link& link, const SimVm& vm) {
  if (link.dead) return;
  Known& its = known(link);
  its.instances[vm.id].destroy_sent = true;
  if (killed_instances_.contains(vm.id)) return;
  KnownInstance& instance = its.instances[vm.id];
  if (std::exchange(instance.destroying, true)) return;
  if (instance.behavior == IdleBehavior::hold) core_.violate("hold", vm.id + " is on hold, and is destroyed");
  if (!instance.probed || core_.now() - *instance.probed > vms().timeout_probe / 2) return;
  check_early(link, vm);
  for (const auto& [uuid, runner] : vm.machine->runners()) {
    const SimRecord& record = store_.all().at(uuid);
    const bool wanted = record.container.state == ContainerState::running && record.container.priority > 0 &&
                        !its.justly_killed.contains(uuid);  // see kill_sent
    if (wanted && !runner.ignores_term && knows_runner(link, vm, runner))
      core_.violate("destroys-no-busy", vm.id + " is destroyed while it runs " + uuid);
  }
}

/// What was of use a moment ago is kept, since it may be so again: for TimeoutIdle, or what policy `cost` has learned.
/// Not so where it drains, or is in the way of another as soon as a limit of instances is met.
void Invariants::check_early(const Link& link, const SimVm& vm) {
  constexpr Duration least_learned = 5s;
  const Known& its = known(link);
  const KnownInstance& instance = its.instances.at(vm.id);
  if (!instance.used_until || limited_.contains(link.number) || is_unfit(its, vm.id)) return;
  if (instance.told_to_run && core_.now() - *instance.told_to_run < longest_command) return;  // it may have drained
  const auto pool = link.dispatcher->pool()->snapshot();
  const PoolInstance* shown = pool->find(vm.id);
  if (!shown || instance.behavior != IdleBehavior::run || shown->idle_behavior != IdleBehavior::run) return;
  const bool learns = vms().policy == "cost" && vms().cost_policy.learn_timeout_idle;
  const Duration least = learns ? std::min(least_learned, vms().timeout_idle) : vms().timeout_idle;
  if (core_.now() - *instance.used_until < least)
    core_.violate("no-early", vm.id + " is destroyed, and ran something " +
                                  std::to_string((core_.now() - *instance.used_until) / 1ms) + " ms ago");
}

/// No runner of it is left on that instance, as the dispatcher has been told: what is under way from before tells it
/// nothing new.
void Invariants::kill_confirmed(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (!link.dead) known(link).killed[uuid] = {vm.id, core_.now()};
}

/// Once a kill was just, it is repeated until it works, whatever changes meanwhile.
void Invariants::kill_sent(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (link.dead) return;
  note_kill(link, vm, uuid);
  if (killed_containers_.contains(uuid) || !store_.all().contains(uuid)) return;
  Known& its = known(link);
  if (its.justly_killed.contains(uuid)) return;
  const SimRecord& record = store_.all().at(uuid);
  const Container& container = record.container;
  const bool wanted = container.priority > 0 &&
                      (container.state == ContainerState::running || container.state == ContainerState::locked);
  const auto updated = link.dispatcher->queue()->snapshot()->updated;
  const bool could_know = updated && std::max({record.changed, record.prioritized, record.inherited}) < *updated;
  if (wanted && could_know)
    core_.violate("kills-no-wanted", uuid + " on " + vm.id + " is killed: " + std::string(to_string(container.state)) +
                                         ", priority " + std::to_string(container.priority));
  its.justly_killed.insert(uuid);
}

}  // namespace berth
