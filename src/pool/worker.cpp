#include "worker.hpp"

#include <algorithm>

namespace berth {
namespace {

struct ShutdownDue {
  SteadyTime when{};
  std::string_view reason;
  BootOutcome outcome{};  ///< if the worker has none yet
};
constexpr SteadyTime at_once = SteadyTime::min();

bool all_given_up(const Worker& worker) {
  return std::all_of(worker.processes.begin(), worker.processes.end(),
                     [](const auto& entry) { return entry.second.kill && entry.second.kill->given_up; });
}

/// Facts §6.5. An unknown worker with containers on it is kept even past TimeoutBooting, as by the probes (facts §14).
std::optional<ShutdownDue> unneeded(const Worker& worker, const WorkerTimeouts& timeouts) {
  const bool drain = worker.idle_behavior == IdleBehavior::drain;
  const bool vacant = worker.processes.empty();
  const ShutdownDue drained{at_once, "drain", BootOutcome::aborted};
  switch (worker.stage) {
    case WorkerStage::booting:
      if (drain) return drained;
      break;
    case WorkerStage::unknown:
      if (vacant) return ShutdownDue{worker.appeared + timeouts.booting, "boot timeout", BootOutcome::failure};
      break;
    case WorkerStage::in_service:
      if (drain && all_given_up(worker)) return drained;
      if (vacant) return ShutdownDue{worker.busy + timeouts.idle, "idle", BootOutcome::aborted};
      break;
    case WorkerStage::shutdown:
      break;
  }
  return std::nullopt;
}

/// Facts §6.8. Only an attempt that failed, or has waited long enough for an answer, counts against the worker: not
/// time in which nobody asked.
std::optional<ShutdownDue> unresponsive(const Worker& worker, const WorkerTimeouts& timeouts) {
  if (worker.stage == WorkerStage::shutdown || (!worker.probe && !worker.probe_failed)) return std::nullopt;
  const bool in_service = worker.stage == WorkerStage::in_service;
  ShutdownDue due{worker.probed + (in_service ? timeouts.probe : timeouts.booting),
                  in_service ? "probe timeout" : "boot timeout", BootOutcome::failure};
  if (worker.probe) due.when = std::max(due.when, worker.probe->begun + timeouts.answer);
  return due;
}

/// The earlier of the two; nothing on hold.
std::optional<ShutdownDue> shutdown_due(const Worker& worker, const WorkerTimeouts& timeouts) {
  if (worker.idle_behavior == IdleBehavior::hold) return std::nullopt;
  const auto first = unneeded(worker, timeouts);
  const auto second = unresponsive(worker, timeouts);
  if (first && second) return first->when <= second->when ? first : second;
  return first ? first : second;
}

/// When the next step of killing this process is due.
std::optional<SteadyTime> kill_due(const Process& process, const WorkerTimeouts& timeouts) {
  if (!process.kill || process.kill->given_up) return std::nullopt;
  const SteadyTime give_up = process.kill->first + timeouts.term;
  if (process.kill->in_flight) return give_up;
  return std::min(give_up, process.kill->last + timeouts.signal);
}

/// One application of next().
class Transition {
 public:
  Transition(Worker& worker, SteadyTime now, const WorkerTimeouts& timeouts) : w_(worker), now_(now), t_(timeouts) {}

  void apply(const WorkerEvent& event) {
    std::visit([this](const auto& e) { on(e); }, event);
    if (std::holds_alternative<event::Vanished>(event)) return;
    if (const auto due = shutdown_due(w_, t_); due && due->when <= now_)
      shut_down(std::string(due->reason), due->outcome);
  }
  std::vector<WorkerAction> take_actions() { return std::move(actions_); }

 private:
  template <class Action>
  void act(Action action) {
    actions_.emplace_back(std::move(action));
  }

  void on(const event::Listed&) {
    w_.updated = now_;
    if (w_.stage != WorkerStage::shutdown || now_ - w_.destroyed <= t_.shutdown) return;
    destroy("still listed");
  }

  void on(const event::Vanished&) {
    act(action::CountDisappeared{worker_state(w_)});
    count_boot(BootOutcome::disappeared);
    if (w_.stage == WorkerStage::shutdown) act(action::ObserveShutdown{now_ - w_.destroyed});
  }

  void on(const event::Contacted&) {
    if (w_.first_contact) return;
    w_.first_contact = now_;
    if (w_.stage == WorkerStage::booting) act(action::ObserveTimeToSsh{now_ - w_.appeared});
  }

  void on(const event::ProbeBegun&) { w_.probe = Worker::ProbeInFlight{now_, w_.revision}; }

  void on(const event::ProbeEnded& ended) {
    if (!w_.probe) return;
    const std::uint64_t revision = w_.probe->revision;
    w_.probe.reset();
    if (w_.stage == WorkerStage::shutdown) return;
    const bool booted = ended.booted || w_.stage == WorkerStage::in_service;
    const bool in_use = !w_.processes.empty() || (ended.list && !ended.list->running.empty());
    w_.probe_failed = !ended.list || (!booted && !in_use);
    if (ended.list) note_broken(*ended.list);
    if (w_.probe_failed) return;
    w_.probed = now_;
    w_.updated = now_;
    if (in_use) w_.busy = now_;
    update_processes(*ended.list, revision);
    if (booted) enter_service();
  }

  void on(const event::StartAccepted& start) {
    w_.processes[start.uuid] = Process{.starting = true, .running_since = 0, .kill = {}};
    ++w_.revision;
    w_.last_container = start.uuid;
    w_.busy = now_;
    w_.updated = now_;
  }

  void on(const event::StartEnded& start) {
    const auto found = w_.processes.find(start.uuid);
    if (found == w_.processes.end() || !found->second.starting) return;
    found->second.starting = false;
    found->second.running_since = ++w_.revision;
    if (start.refused) act(action::ProbeNow{});
  }

  void on(const event::KillRequested& kill) {
    const auto found = w_.processes.find(kill.uuid);
    if (found == w_.processes.end()) return;
    auto& process_kill = found->second.kill;
    const SteadyTime first = now_ + kill.wait;
    if (process_kill && process_kill->first <= std::max(first, now_)) return;
    const bool at_once = first <= now_;
    process_kill = Process::Kill{.first = first, .last = first - t_.signal, .in_flight = at_once, .given_up = false};
    if (!at_once) return;
    process_kill->last = now_;
    act(action::SendSignal{kill.uuid});
  }

  void on(const event::KillEnded& kill) {
    const auto found = w_.processes.find(kill.uuid);
    if (found == w_.processes.end() || !found->second.kill) return;
    found->second.kill->in_flight = false;
    if (!kill.confirmed || found->second.starting) return;
    w_.processes.erase(found);
    w_.last_removal = ++w_.revision;
    w_.busy = now_;
    act(action::Exited{kill.uuid, false});
  }

  void on(const event::ShutdownRequested&) {
    if (accepts_shutdown(w_)) shut_down("not needed", BootOutcome::aborted);
  }

  void on(const event::KillInstance& kill) { shut_down("killed by operator: " + kill.reason, BootOutcome::aborted); }

  void on(const event::BehaviorSet& set) { w_.idle_behavior = set.behavior; }

  void on(const event::TimerFired&) {
    for (auto& [uuid, process] : w_.processes) {
      const auto due = kill_due(process, t_);
      if (!due || *due > now_) continue;
      if (now_ - process.kill->first >= t_.term) {
        process.kill->given_up = true;
        if (w_.idle_behavior == IdleBehavior::run) w_.idle_behavior = IdleBehavior::drain;
        act(action::GaveUp{uuid});
      } else {
        process.kill->last = now_;
        process.kill->in_flight = true;
        act(action::SendSignal{uuid});
      }
    }
  }

  void note_broken(const RunProbe& list) {
    std::string reason = list.broken ? "runner reports broken" : "";
    std::erase_if(w_.stale_since, [&](const auto& entry) { return !list.stale.contains(entry.first); });
    for (const auto& uuid : list.stale) {
      const SteadyTime since = w_.stale_since.emplace(uuid, now_).first->second;
      if (now_ - since > t_.stale_run_lock) reason = "stale run lock of " + uuid;
    }
    if (reason.empty() || w_.idle_behavior != IdleBehavior::run) return;
    count_boot(BootOutcome::failure);
    w_.idle_behavior = IdleBehavior::drain;
    act(action::Broken{std::move(reason)});
  }

  /// What happened to a process after the probe began is newer than the list (facts §6.8): such processes are left
  /// alone.
  void update_processes(const RunProbe& list, std::uint64_t probe_revision) {
    for (auto it = w_.processes.begin(); it != w_.processes.end();) {
      auto& [uuid, process] = *it;
      if (list.running.contains(uuid)) {
        if (std::exchange(process.starting, false)) process.running_since = w_.revision;
      } else if (!process.starting && process.running_since <= probe_revision) {
        act(action::Exited{uuid, true});
        it = w_.processes.erase(it);
        continue;
      }
      ++it;
    }
    if (w_.last_removal > probe_revision) return;
    for (const auto& uuid : list.running) {
      if (w_.processes.contains(uuid)) continue;
      w_.processes[uuid] = Process{.starting = false, .running_since = w_.revision, .kill = {}};
      w_.last_container = uuid;
      act(action::Adopted{uuid});
    }
  }

  void enter_service() {
    if (w_.stage == WorkerStage::in_service) return;
    if (w_.stage == WorkerStage::booting && w_.first_contact) act(action::ObserveTimeToReady{now_ - *w_.first_contact});
    w_.stage = WorkerStage::in_service;
    w_.busy = now_;  // idle time begins with the service
    count_boot(BootOutcome::success);
  }

  void count_boot(BootOutcome outcome) {
    if (w_.boot_outcome) return;
    w_.boot_outcome = outcome;
    act(action::CountBoot{outcome});
  }

  void shut_down(std::string reason, BootOutcome outcome) {
    count_boot(outcome);
    w_.stage = WorkerStage::shutdown;
    destroy(std::move(reason));
  }

  void destroy(std::string reason) {
    w_.destroyed = now_;
    act(action::Destroy{std::move(reason)});
  }

  Worker& w_;
  const SteadyTime now_;
  const WorkerTimeouts& t_;
  std::vector<WorkerAction> actions_;
};

struct ActionText {
  std::string operator()(const action::Destroy& a) const { return "destroy(" + a.reason + ')'; }
  std::string operator()(const action::SendSignal& a) const { return "signal(" + a.uuid + ')'; }
  std::string operator()(const action::ProbeNow&) const { return "probe-now"; }
  std::string operator()(const action::Adopted& a) const { return "adopted(" + a.uuid + ')'; }
  std::string operator()(const action::Exited& a) const { return "exited(" + a.uuid + ')'; }
  std::string operator()(const action::GaveUp& a) const { return "gave-up(" + a.uuid + ')'; }
  std::string operator()(const action::Broken& a) const { return "broken(" + a.reason + ')'; }
  std::string operator()(const action::CountBoot& a) const { return "boot(" + std::string(to_string(a.outcome)) + ')'; }
  std::string operator()(const action::CountDisappeared& a) const {
    return "disappeared(" + std::string(to_string(a.state)) + ')';
  }
  std::string operator()(const action::ObserveTimeToSsh& a) const { return "time-to-ssh(" + seconds(a.time) + ')'; }
  std::string operator()(const action::ObserveTimeToReady& a) const { return "time-to-ready(" + seconds(a.time) + ')'; }
  std::string operator()(const action::ObserveShutdown& a) const { return "time-to-gone(" + seconds(a.time) + ')'; }

  static std::string seconds(Duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + 's';
  }
};

}  // namespace

std::string_view to_string(BootOutcome outcome) {
  switch (outcome) {
    case BootOutcome::success:
      return "success";
    case BootOutcome::failure:
      return "failure";
    case BootOutcome::aborted:
      return "aborted";
    case BootOutcome::disappeared:
      return "disappeared";
  }
  return "";
}

Worker make_worker(WorkerStage stage, IdleBehavior behavior, SteadyTime now) {
  Worker worker;
  worker.stage = stage;
  worker.idle_behavior = behavior;
  worker.appeared = worker.updated = worker.busy = worker.probed = now;
  return worker;
}

WorkerState worker_state(const Worker& worker) {
  switch (worker.stage) {
    case WorkerStage::unknown:
      return WorkerState::unknown;
    case WorkerStage::booting:
      return WorkerState::booting;
    case WorkerStage::in_service:
      return worker.processes.empty() ? WorkerState::idle : WorkerState::running;
    case WorkerStage::shutdown:
      return WorkerState::shutdown;
  }
  return WorkerState::unknown;
}

bool accepts_start(const Worker& worker) {
  return worker.stage == WorkerStage::in_service && worker.idle_behavior == IdleBehavior::run;
}

bool accepts_shutdown(const Worker& worker) {
  const WorkerState state = worker_state(worker);
  return (state == WorkerState::booting || state == WorkerState::idle) && worker.idle_behavior != IdleBehavior::hold;
}

bool accepts_hold(const Worker& worker) {
  return worker.stage != WorkerStage::shutdown;
}

std::string to_string(const WorkerAction& action) {
  return std::visit(ActionText{}, action);
}

std::vector<WorkerAction> next(Worker& worker, const WorkerEvent& event, SteadyTime now,
                               const WorkerTimeouts& timeouts) {
  Transition transition(worker, now, timeouts);
  transition.apply(event);
  return transition.take_actions();
}

std::optional<SteadyTime> next_deadline(const Worker& worker, const WorkerTimeouts& timeouts) {
  std::optional<SteadyTime> earliest;
  const auto consider = [&](std::optional<SteadyTime> when) {
    if (when && (!earliest || *when < *earliest)) earliest = when;
  };
  if (const auto due = shutdown_due(worker, timeouts)) consider(due->when);
  for (const auto& [uuid, process] : worker.processes) consider(kill_due(process, timeouts));
  return earliest;
}

}  // namespace berth
