#include "invariants.hpp"

#include <algorithm>

#include "berth/dispatcher/dispatcher.hpp"

#include "needs.hpp"
#include "sim_instances.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration capacity_memory = 60s;  // facts §6.6
// A few more than were forced: what must make way for something more urgent, or meets a limit, is unlocked, too. With
// policy `reference` more often: whenever its own create brings it to the limit (facts §5.3).
constexpr std::int64_t most_unforced_locks = 4, most_by_reference = 8;

std::string capacity_key(CapacityScope scope, const InstanceType& type) {
  switch (scope) {
    case CapacityScope::everything:
      return "everything";
    case CapacityScope::instance_type:
      return "type " + type.name;
    case CapacityScope::quota_group:
      return type.preemptible ? "group spot" : "group standard";
  }
  return "";
}

}  // namespace

IdleBehavior idle_tag(const SimVm& vm) {
  const auto tag = vm.tags.find("ArvadosIdleBehavior");
  return tag == vm.tags.end() ? IdleBehavior::run : parse_idle_behavior(tag->second).value_or(IdleBehavior::run);
}

Duration convergence_bound(const Cluster& cluster) {
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  return vms.timeout_probe + vms.timeout_term + 3 * vms.sync_interval + 3 * vms.poll_interval + 5min;
}

void Invariants::after_turn(const std::vector<const Link*>& links) {
  for (const Link* link : links) {
    judge_passed_over(*link);
    judge_left_behind(*link);
    serve_holds(*link);
    judge_killed(*link);
    judge_kills(*link);
    judge_forgotten(*link);
    note_unavailable(*link);
    Known& its = known(*link);
    its.queue = link->dispatcher->queue()->snapshot();
    its.pool = link->dispatcher->pool()->snapshot();
    its.most_running = std::max(its.most_running, static_cast<std::int64_t>(its.pool->running.size()));
  }
}

void Invariants::record_changed(const SimRecord& record, ContainerState before, ChangedBy by) {
  const std::string& uuid = record.uuid();
  if (record.container.state == ContainerState::complete) completed_[uuid] = core_.now();
  if (record.container.state == ContainerState::locked) {
    const std::int64_t forced = forced_unlocks_[uuid];
    if (record.lock_count - forced > (vms().policy == "reference" ? most_by_reference : most_unforced_locks))
      core_.violate("lock-cycles", uuid + " is locked for the " + std::to_string(record.lock_count) +
                                       "th time, and only " + std::to_string(forced) + " came to nothing by a fault");
  }
  if (by != ChangedBy::dispatcher || record.container.state != ContainerState::cancelled) return;
  // It asks right before, and may be told what was a second ago; the cancel itself may be long under way.
  if (before == ContainerState::complete && completed_[uuid] < cancel_sent_[uuid] - 1s)
    core_.violate("final-stays", "a dispatcher set a Complete container to Cancelled");
  if (record.too_many_attempts || before == ContainerState::running || before == ContainerState::complete) return;
  if (record.runtime_error.empty())
    core_.violate("says-why", uuid + " was cancelled before it ran, without a reason in its record");
  if (held_by_any(record.container, cluster()))
    core_.violate("cancels-by-rule", uuid + " was cancelled before it ran, and a type fits it");
}

void Invariants::call_ended(const Link& link, std::string_view verb, const std::string& uuid) {
  if (verb == "unlock") known(link).unlocking_until[uuid] = core_.now();
  if (verb == "lock") known(link).locking_until[uuid] = core_.now();
}

void Invariants::create_answered(const Link& link, const InstanceType& type, const SimVm* vm, const Error* error) {
  Known& its = known(link);
  if (vm) {
    KnownInstance& instance = its.instances[vm->id];
    instance.listed = true;
    instance.made = core_.now();
    if (!instance.listed_since) instance.listed_since = core_.now();
  }
  if (!error) return;
  const bool met_most = vms().max_instances > 0 && counted(its) >= vms().max_instances;
  force_unlocks(met_most || error->kind == ErrorKind::quota ? nullptr : &type);
  if (met_most) force_locks(its);
  if (error->kind == ErrorKind::rate_limited && error->retry_at)
    its.creates_throttled_until = std::max(its.creates_throttled_until, *error->retry_at);
  if (error->kind == ErrorKind::capacity)
    its.no_room_until[capacity_key(error->scope, type)] = core_.now() + capacity_memory;
  if (error->kind == ErrorKind::quota) {
    its.over_quota = its.met_quota = true;
    limited_.insert(link.number);
    its.over_quota_until = core_.now() + capacity_memory;
  }
}

std::int64_t Invariants::counted(const Known& its) {
  return std::ssize(its.creates) +
         std::ranges::count_if(its.instances, [](const auto& instance) { return instance.second.listed; });
}

void Invariants::force_unlocks(const InstanceType* type) {
  for (const std::string& uuid : store_.open()) {
    const Container& container = store_.all().at(uuid).container;
    if (container.state != ContainerState::locked) continue;
    const bool may_use = !type || (holds(*type, container, cluster().containers) &&
                                   (vms().policy == "cost" || within_ceiling(*type, container, cluster())));
    if (may_use) ++forced_unlocks_[uuid];
  }
}

void Invariants::create_ended(const Link& link, const std::string& secret) {
  Known& its = known(link);
  its.creates.erase(secret);
  its.creates_in_flight.erase(secret);
}

void Invariants::list_answered(const Link& link, const std::vector<std::shared_ptr<SimVm>>& page) {
  Known& its = known(link);
  its.over_quota = false;
  if (!its.first_list) its.first_list = core_.now();
  std::set<std::string> shown;
  for (const auto& vm : page) {
    if (vm->foreign) continue;
    shown.insert(vm->id);
    its.creates.erase(secret_of(vm->tags));
    const auto [entry, is_new] = its.instances.try_emplace(vm->id);
    if (is_new || !entry->second.listed) entry->second.behavior = behavior_to_find(*vm);
    entry->second.listed = true;
    if (!entry->second.listed_since) entry->second.listed_since = core_.now();
  }
  for (auto& [id, instance] : its.instances) {
    const bool too_young = instance.made && *instance.made > its.list_begun;
    if (too_young || shown.contains(id)) continue;
    instance.listed = false;
    instance.listed_since.reset();
    instance.given.clear();
    instance.kill_accepted.reset();
    instance.destroy_sent = false;
    instance.unfit_since.reset();
    instance.run_locks.clear();
    instance.missing_since = core_.now();
  }
  note_most(link);
}

/// What has made way for an instance that met MaxInstances, and does not come, takes its place back.
void Invariants::force_locks(const Known& its) {
  constexpr Duration longest_create = 1min;
  for (const auto& [uuid, until] : its.unlocking_until)
    if (until >= core_.now() - longest_create && store_.open().contains(uuid) &&
        store_.all().at(uuid).container.state == ContainerState::queued)
      ++forced_unlocks_[uuid];
}

void Invariants::probed(const Link& link, const SimVm& vm, SteadyTime as_of) {
  SteadyTime& to_check_until = news(link, vm).to_check_until;
  to_check_until = std::min(to_check_until, core_.now() + longest_check_pause);
  std::optional<SteadyTime>& probed = known(link).instances[vm.id].probed;
  probed = std::max(probed.value_or(as_of), as_of);
}

void Invariants::runner_ended(const SimVm& vm, const std::string& uuid) {
  runner_ended_[uuid] = core_.now();
  note_use(vm, uuid);
  const SimRecord* record = store_.all().contains(uuid) ? &store_.all().at(uuid) : nullptr;
  if (record && record->container.state != ContainerState::complete) ++forced_unlocks_[uuid];
  if (!excused_twice_.contains(uuid)) return;
  const auto runs_it = [&](const auto& entry) { return entry.second->machine->find(uuid) != nullptr; };
  if (std::ranges::count_if(cloud_.all(), runs_it) < 2) excused_twice_.erase(uuid);
}

/// Whose pool has shown it there in the last turn has yet to learn of its end.
void Invariants::note_use(const SimVm& vm, const std::string& uuid) {
  for (auto& [process_and_term, its] : known_) {
    const PoolProcessEntry* process = its.pool ? its.pool->running.find(uuid) : nullptr;
    const PoolInstance* on =
        process && !process->second.exited ? its.pool->instances.find(process->second.instance) : nullptr;
    if (on && on->id == vm.id) its.instances[vm.id].used_until = core_.now();
  }
}

void Invariants::behavior_set(const Link& link, const std::string& id, IdleBehavior behavior) {
  KnownInstance& instance = known(link).instances[id];
  if (behavior != IdleBehavior::hold) holds_.erase(id);
  if (behavior == IdleBehavior::run) {
    instance.told_to_run = core_.now();
    instance.unfit_since.reset();
  }
  if (instance.destroying) return;  // it comes too late
  instance.behavior = behavior;
  if (behavior == IdleBehavior::hold) holds_[id] = {{link.number, link.term}, core_.now(), core_.now()};
}

void Invariants::serve_holds(const Link& link) {
  if (holds_.empty() || !link.lease->held()) return;
  for (auto& [id, hold] : holds_)
    if (hold.by == std::pair(link.number, link.term)) hold.served = core_.now();
}

/// As its tag says. On hold in any case if the dispatcher that acknowledged that had the time to write it, and no write
/// failed.
IdleBehavior Invariants::behavior_to_find(const SimVm& vm) const {
  constexpr Duration time_to_write = 1min;  // what waits for its turn among the cloud calls included
  const auto hold = holds_.find(vm.id);
  if (hold == holds_.end() || hold->second.served - hold->second.since < time_to_write) return idle_tag(vm);
  const auto failed = tags_failed_.find(vm.id);
  const bool may_have_failed = failed != tags_failed_.end() && failed->second >= hold->second.since - time_to_write;
  return may_have_failed ? idle_tag(vm) : IdleBehavior::hold;
}

/// Another runner may be there: of what is Locked as it begins, nothing is started elsewhere before a probe has shown
/// whether it is, or until the stale-lock time-out (facts §5.7).
bool Invariants::waits_for_probe(const Link& link, const SimVm& vm, const std::string& uuid) {
  const Known& its = known(link);
  const auto found = its.instances.find(vm.id);
  if (!its.first_list || found == its.instances.end() || its.lock_sent.contains(uuid)) return false;
  const KnownInstance& instance = found->second;
  return instance.listed_since && *instance.listed_since <= *its.first_list && !instance.probed &&
         !instance.destroying && !killed_instances_.contains(vm.id) &&
         core_.now() < *its.first_list + cluster().containers.stale_lock_timeout;
}

bool Invariants::knows_runner(const Link& link, const SimVm& vm, const SimRunner& runner) {
  const auto found = known(link).instances.find(vm.id);
  if (found == known(link).instances.end() || found->second.missing_since >= runner.began) return false;
  // By an earlier term of the same process, too; none starts anything before its first list.
  const std::optional<SteadyTime>& first_list = known(link).first_list;
  const bool its_own = runner.started_by == link.number && first_list && runner.began >= *first_list;
  return its_own || (found->second.probed && *found->second.probed >= runner.began);
}

}  // namespace berth
