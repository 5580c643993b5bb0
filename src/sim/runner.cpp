// The life of a runner process (facts §7): prepares, claims the container, runs it, sets its final state, leaves.
#include "cloud_model.hpp"
#include "machine.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration retry = 10s;            ///< of an update of the record that did not get through
constexpr Duration look_at_children = 5s;  ///< of supervisors
constexpr Duration longest_linger = 2min;
constexpr Duration longest_stale_lock = 2min;

}  // namespace

SimRunner* SimMachine::alive(const std::string& uuid, std::int64_t pid) {
  const auto found = runners_.find(uuid);
  return found != runners_.end() && found->second.pid == pid ? &found->second : nullptr;
}

void SimMachine::then(const SimRunner& runner, Duration delay, void (SimMachine::*step)(SimRunner&)) {
  core_.after(delay, [self = shared_from_this(), uuid = runner.uuid, pid = runner.pid, step] {
    if (SimRunner* still = self->alive(uuid, pid)) (self.get()->*step)(*still);
  });
}

std::string SimMachine::gateway(const SimRunner& runner) const {
  return vm_.address + ':' + std::to_string(runner.pid);
}

void SimMachine::prepare(SimRunner& runner) {
  const Duration start = core_.chance.draw(core_.options.workers.start);
  if (core_.strikes(&SimFaults::dies_before)) return then(runner, start, &SimMachine::crash);
  if (core_.strikes(&SimFaults::gives_back)) return then(runner, start, &SimMachine::give_back);
  then(runner, start, &SimMachine::claim);
}

/// Requires the record to be Locked; another runner may have been faster.
void SimMachine::claim(SimRunner& runner) {
  if (runner.stopping) return;
  const SimRecord* record = shared_.store.find(runner.uuid);
  if (!record) return end(runner.uuid, "no record");
  if (offline || core_.strikes(&SimFaults::api_error)) return then(runner, retry, &SimMachine::claim);
  if (!shared_.store.claim(runner.uuid, gateway(runner))) return end(runner.uuid, "claim refused");
  if (core_.strikes(&SimFaults::api_lost_answer)) return then(runner, retry, &SimMachine::claim);
  run(runner);
}

void SimMachine::run(SimRunner& runner) {
  runner.stage = SimRunner::Stage::running;
  const SimRecord& record = *shared_.store.find(runner.uuid);
  const Duration run_time = core_.options.workload[record.workload_index].run_time;
  if (core_.strikes(&SimFaults::dies_during))
    return then(runner, core_.chance.between(Duration{}, run_time), &SimMachine::crash);
  then(runner, run_time, &SimMachine::finish);
}

void SimMachine::finish(SimRunner& runner) {
  if (runner.stopping) return;
  const SimRecord& record = *shared_.store.find(runner.uuid);
  if (record.container.scheduling_parameters.supervisor && !shared_.children_done(record))
    return wait_for_children(runner, record);
  const Duration travel = core_.chance.draw(core_.options.api.latency) / 2;
  if (core_.strikes(&SimFaults::dies_after)) {
    core_.after(travel, [self = shared_from_this(), uuid = runner.uuid] {  // sent; its sender may be gone
      (void)self->shared_.store.finish(uuid, ContainerState::complete);
    });
    return then(runner, core_.chance.between(Duration{}, 2 * travel), &SimMachine::crash);
  }
  then(runner, travel, &SimMachine::complete);
}

/// Thousands of supervisors look very often. Without faults it is known at which look all children will have ended.
void SimMachine::wait_for_children(SimRunner& runner, const SimRecord& record) {
  if (core_.options.check_invariants) return then(runner, look_at_children, &SimMachine::finish);
  auto next_look = [self = shared_from_this(), uuid = runner.uuid, pid = runner.pid, first = core_.now()] {
    const Duration since_look = (self->core_.now() - first) % look_at_children;
    if (const SimRunner* still = self->alive(uuid, pid))
      self->then(*still, look_at_children - since_look, &SimMachine::finish);
  };
  shared_.when_children_done(record, std::move(next_look));
}

void SimMachine::complete(SimRunner& runner) {
  if (runner.stopping) return;
  if (offline || core_.strikes(&SimFaults::api_error)) return then(runner, retry, &SimMachine::complete);
  (void)shared_.store.finish(runner.uuid, ContainerState::complete);
  runner.stage = SimRunner::Stage::ending;
  Duration delay = core_.chance.draw(core_.options.workers.end);
  if (core_.strikes(&SimFaults::lingers)) delay = core_.chance.between(delay, longest_linger);
  then(runner, delay, &SimMachine::leave);
}

void SimMachine::give_back(SimRunner& runner) {
  core_.note(SimEventKind::fault, runner.uuid, vm_.id, "runner gives back");
  if (!offline) (void)shared_.store.give_back(runner.uuid);
  end(runner.uuid, "gave back");
}

void SimMachine::crash(SimRunner& runner) {
  core_.note(SimEventKind::fault, runner.uuid, vm_.id, "runner crashes");
  const std::string uuid = runner.uuid;
  end(uuid, "crashed");
  if (!core_.strikes(&SimFaults::leaves_stale_lock)) return;
  stale_until_[uuid] = core_.now() + core_.chance.between(1s, longest_stale_lock);
}

/// After SIGTERM: what has not begun is given back, what runs is Cancelled.
void SimMachine::stop(SimRunner& runner) {
  if (!offline && runner.stage == SimRunner::Stage::preparing) (void)shared_.store.give_back(runner.uuid);
  if (!offline && runner.stage == SimRunner::Stage::running)
    (void)shared_.store.finish(runner.uuid, ContainerState::cancelled);
  end(runner.uuid, "terminated");
}

void SimMachine::leave(SimRunner& runner) {
  end(runner.uuid, "done");
}

void SimMachine::end(const std::string& uuid, std::string_view how) {
  const auto ended = runners_.extract(uuid);  // `uuid` may be the runner's own
  const std::string& name = ended.key();
  core_.note(SimEventKind::runner_ended, name, vm_.id, how);
  vm_.busy_until = core_.now();
  if (!dead && !core_.strikes(&SimFaults::watch_misses)) tell_end(name);
  shared_.watcher.runner_ended(vm_, name);
}

}  // namespace berth
