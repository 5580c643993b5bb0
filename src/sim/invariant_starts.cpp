// What must hold when a container is started.
#include <algorithm>
#include <array>
#include <tuple>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"
#include "needs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

std::string need_text(const QueueEntry& entry) {
  return std::to_string(entry.needed().vcpus) + " VCPUs, " + std::to_string(entry.needed().ram) + " bytes of RAM, " +
         std::to_string(entry.needed().scratch) + " of scratch" +
         (entry.spec->container.scheduling_parameters.supervisor ? ", a supervisor" : "");
}

bool fits_where(const Resources& a, const Resources& b) {
  return a.vcpus <= b.vcpus && a.ram <= b.ram && a.scratch <= b.scratch && a.gpus <= b.gpus && a.gpu_vram <= b.gpu_vram;
}

/// Its needs may be had on that type, by its own price ceiling.
bool may_use(const QueueEntry& entry, const std::string& type) {
  return std::count(entry.instance_types().begin(), entry.instance_types().end(), type) > 0;
}

bool is_since(const std::map<std::string, SteadyTime>& times, const std::string& key, SteadyTime when) {
  const auto found = times.find(key);
  return found != times.end() && found->second >= when;
}

bool is_supervisor(const QueueEntry& entry) {
  return entry.spec->container.scheduling_parameters.supervisor;
}

Resources sum_of_needs(const PoolInstance& instance, const QueueSnapshot& queue) {
  Resources sum;
  for (const std::string& uuid : instance.containers) {
    const QueueEntry* entry = queue.entries.find(uuid);
    if (!entry) continue;
    sum.vcpus += entry->needed().vcpus;
    sum.ram += entry->needed().ram;
    sum.scratch += entry->needed().scratch;
    sum.gpus += entry->needed().gpus;
  }
  return sum;
}

bool any_boots(const PoolSnapshot& pool) {
  return std::any_of(pool.instances.begin(), pool.instances.end(), [](const PoolInstance& instance) {
    return instance.state == WorkerState::booting || instance.state == WorkerState::unknown;
  });
}

}  // namespace

void Invariants::runner_began(const SimVm& vm, const SimRunner& runner, const Link& link) {
  check_one_runner(vm, runner, link);
  if (link.dead) return;
  known(link).killed.erase(runner.uuid);
  check_room(link, vm);
}

/// Another runner of the same container lives, and the dispatcher that started this one could know.
void Invariants::check_one_runner(const SimVm& vm, const SimRunner& runner, const Link& link) {
  for (const auto& [id, other_vm] : cloud_.all()) {
    if (id == vm.id) continue;
    const SimRunner* other = other_vm->machine->find(runner.uuid);
    if (!other) continue;
    if (knows_runner(link, *other_vm, *other) || (!link.dead && waits_for_probe(link, *other_vm, runner.uuid)))
      core_.violate("one-runner", runner.uuid + " is started on " + vm.id + " although it has a runner on " + id);
    ++excused_;
    excused_twice_.insert(runner.uuid);
  }
}

void Invariants::start_sent(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (link.dead) return;
  const KnownInstance& instance = known(link).instances[vm.id];
  if (instance.behavior != IdleBehavior::run)
    core_.violate("hold", "a container is started on " + vm.id + ", whose idle behavior is " +
                              std::string(to_string(instance.behavior)));
  check_unfit_start(link, vm, uuid);
  if (is_since(known(link).unlocking_until, uuid, SteadyTime::max()))
    core_.violate("unlocks-first", uuid + " is started on " + vm.id + " while it is being unlocked");
  check_passed_over(link, vm, uuid);
  const bool in_group = check_eligible(link, vm, uuid);
  check_supervisors(link, uuid);
  check_load(link, uuid);
  give(link, vm, uuid);
  known(link).locked_by.erase(uuid);
  known(link).killed.erase(uuid);
  const auto queue = link.dispatcher->queue()->snapshot();
  const auto pool = link.dispatcher->pool()->snapshot();
  const QueueEntry* entry = queue->entries.find(uuid);
  if (!entry) return;
  check_order(link, vm, *entry, in_group);
  known(link).starts.push_back({*entry, vm.id, vm.type->name, vm.machine, pool});
}

/// It starts as soon as it is locked, where there was room for the other when the lock was sent, too: so whatever the
/// type, and whatever the other may use besides.
void Invariants::check_passed_over(const Link& link, const SimVm& vm, const std::string& uuid) {
  Known& its = known(link);
  const auto passed = its.passed_over.extract(uuid);
  if (!passed || has_just_begun(its) || !starts_at_once(its, uuid)) return;
  const auto queue = link.dispatcher->queue()->snapshot();
  for (PassedOver& one : passed.mapped()) {
    const std::string& other = one.other->container.uuid;
    if (!may_use(*one.other, vm.type->name) || queue->entries.find(other) != one.other || vm.machine->keeps_out(other))
      continue;
    const bool had_room = std::ranges::all_of(std::array{one.before, one.then}, [&](const auto& pool) {
      const PoolInstance* instance = pool->find(vm.id);
      return instance && has_room(*instance, *one.other, *queue, *vm.type);
    });
    if (!had_room) continue;
    one.started_on = vm.id;
    its.left_behind.push_back(std::move(one));
  }
}

/// The pass that starts one may lock the other, too: that it does after the starts.
void Invariants::judge_left_behind(const Link& link) {
  Known& its = known(link);
  if (its.left_behind.empty()) return;
  const auto queue = link.dispatcher->queue()->snapshot();
  std::erase_if(its.left_behind, [&](const PassedOver& one) {
    const std::string& other = one.other->container.uuid;
    if (is_since(its.lock_sent, other, one.at) || queue->entries.find(other) != one.other) return true;
    if (core_.now() - its.lock_sent[one.locked->container.uuid] < 4 * at_once) return false;
    core_.violate("order", passed_over_text(one) + "; it was started at once on " + one.started_on);
    return true;
  });
}

bool Invariants::has_room(const PoolInstance& instance, const QueueEntry& entry, const QueueSnapshot& queue,
                          const InstanceType& type) const {
  const bool ready = instance.state == WorkerState::idle || instance.state == WorkerState::running;
  if (!ready || instance.idle_behavior != IdleBehavior::run) return false;
  Resources sum = sum_of_needs(instance, queue);
  sum.vcpus += entry.needed().vcpus;
  sum.ram += entry.needed().ram;
  sum.scratch += entry.needed().scratch;
  sum.gpus += entry.needed().gpus;
  const std::int64_t most = vms().max_running_containers_per_instance;
  return fits_where(sum, type.resources()) && (most <= 0 || std::ssize(instance.containers) < most);
}

/// By priority and, of equal ones, by first sight, age and uuid (design §8). Groups of policy `cost` are chosen by
/// price among equals: there only those count that need the same.
bool Invariants::goes_before(const QueueEntry& a, const QueueEntry& b) const {
  if (a.container.priority != b.container.priority) return a.container.priority > b.container.priority;
  if (vms().policy == "cost" && a.spec != b.spec && *a.spec != *b.spec) return false;
  const auto rank = [](const QueueEntry& e) {
    return std::tie(e.first_seen, e.container.created_at, e.container.uuid);
  };
  return rank(a) < rank(b);
}

/// Somebody that is Queued, too, goes before it and needs no more stays Queued. What is being locked or unlocked,
/// or had a process a moment ago, was not passed over; nor what the same pass locks next: the turn is judged when it is
/// over.
void Invariants::check_lock_order(const Link& link, const std::string& uuid) {
  const Known& its = known(link);
  const auto queue = link.dispatcher->queue()->snapshot();
  const auto pool = link.dispatcher->pool()->snapshot();
  const QueueEntry* locked = queue->entries.find(uuid);
  if (link.dead || !its.queue || !locked || locked->container.state != ContainerState::queued) return;
  for (const auto& entry : queue->entries) {
    const QueuedContainer& other = entry->container;
    if (other.state != ContainerState::queued || !goes_before(*entry, *locked)) continue;
    if (is_supervisor(*entry) || !fits_where(entry->needed(), locked->needed())) continue;
    if (pool->running.contains(other.uuid) || its.pool->running.contains(other.uuid)) continue;
    if (is_since(its.locking_until, other.uuid, core_.now()) || is_since(its.unlocking_until, other.uuid, core_.now()))
      continue;
    if (its.queue->entries.find(other.uuid) != entry.get()) continue;  // the pass may have seen it otherwise
    passed_over_.push_back({link.number, locked, entry.get(), queue, core_.now(), its.pool, pool});
  }
}

std::string Invariants::passed_over_text(const PassedOver& one) {
  return one.locked->container.uuid + " is locked although " + one.other->container.uuid +
         " goes before it and stays Queued: " + need_text(*one.locked) + " and " + need_text(*one.other);
}

/// Where the other may use every type that this one may, whatever it is locked for would have suited the other. Not so
/// with policy `cost`, which creates nothing for what it expects to start soon, but for what comes after it: there,
/// only who starts at once has passed somebody over.
void Invariants::judge_passed_over(const Link& link) {
  Known& its = known(link);
  for (PassedOver& one : passed_over_) {
    if (one.process != link.number) continue;
    const auto lock = its.lock_sent.find(one.other->container.uuid);
    if (lock != its.lock_sent.end() && lock->second >= one.at) continue;
    const bool in_any_case = std::ranges::all_of(one.locked->instance_types(),
                                                 [&](const std::string& type) { return may_use(*one.other, type); });
    if (in_any_case && vms().policy != "cost") return core_.violate("order", passed_over_text(one));
    its.passed_over[one.locked->container.uuid].push_back(std::move(one));
  }
  std::erase_if(passed_over_, [&](const PassedOver& one) { return one.process == link.number; });
}

/// Somebody of the same lock state, who goes before it and needs no more, waits while this one is started where the
/// other might be, too: within its ceiling or, with a group, as long as the type holds it. Entries count that were the
/// same a moment ago: the pass has seen them so. What was being unlocked counted as Queued in the pass that decided, at
/// the latest as the lock of the started one was sent.
void Invariants::check_order(const Link& link, const SimVm& vm, const QueueEntry& started, bool in_group) {
  const Known& its = known(link);
  if (!its.queue) return;
  const auto shown_queue = link.dispatcher->queue()->snapshot();
  const auto shown_pool = link.dispatcher->pool()->snapshot();
  const QueueSnapshot& queue = *shown_queue;
  const PoolSnapshot& pool = *shown_pool;
  // Whose scan may put the other one on an instance that is not ready rather than here (facts §5.4).
  if (vms().policy == "reference" && (any_boots(pool) || any_boots(*its.pool))) return;
  const auto lock = its.lock_sent.find(started.container.uuid);
  const SteadyTime decided = lock == its.lock_sent.end() ? core_.now() : lock->second;
  for (const auto& entry : queue.entries) {
    const QueuedContainer& container = entry->container;
    if (container.state != ContainerState::locked || !goes_before(*entry, started)) continue;
    if (is_supervisor(*entry) || pool.running.contains(container.uuid)) continue;
    if (is_since(its.unlocking_until, container.uuid, decided)) continue;
    if (its.queue->entries.find(container.uuid) != entry.get()) continue;
    if (!fits_where(entry->needed(), started.needed())) continue;
    const bool suits = in_group ? holds(*vm.type, store_.all().at(container.uuid).container, cluster().containers)
                                : may_use(*entry, vm.type->name);
    if (!suits || vm.machine->keeps_out(container.uuid)) continue;
    core_.violate("order", started.container.uuid + " is started on " + vm.id + " although " + container.uuid +
                               " goes before it, waits and fits there, too: " + need_text(started) + " and " +
                               need_text(*entry));
  }
}

/// Whatever was seen, or missed, at the starts of the last minute: somebody was Locked all the time, waits still, and
/// would have suited where another was started that comes after it.
void Invariants::check_starts(const Link& link) {
  Known& its = known(link);
  const auto starts = std::exchange(its.starts, {});
  const auto queue = link.dispatcher->queue()->snapshot();
  const auto then = std::exchange(its.queue_then, queue);
  if (!then || starts.empty() || vms().policy == "reference") return;
  const auto pool = link.dispatcher->pool()->snapshot();
  for (const auto& entry : queue->entries) {
    const std::string& uuid = entry->container.uuid;
    if (entry->container.state != ContainerState::locked || is_supervisor(*entry)) continue;
    if (then->entries.find(uuid) != entry.get() || pool->running.contains(uuid)) continue;
    if (is_since(its.unlocking_until, uuid, core_.now() - 2min)) continue;
    for (const Started& started : starts)
      if (goes_before(*entry, started.entry) && fits_where(entry->needed(), started.entry.needed()) &&
          may_use(*entry, started.type) && !started.pool->running.contains(uuid) && !started.machine->keeps_out(uuid))
        core_.violate("order", started.entry.container.uuid + " was started on " + started.instance + " although " +
                                   uuid + " goes before it, was Locked and fits there, too");
  }
}

}  // namespace berth
