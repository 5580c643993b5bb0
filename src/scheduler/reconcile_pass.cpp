#include "reconcile_pass.hpp"

#include "reconcile.hpp"

namespace berth {
namespace {

std::string kill_reason(const QueuedContainer& container) {
  if (container.state == ContainerState::running || container.state == ContainerState::locked) return "priority is 0";
  if (container.state == ContainerState::complete) return "it is Complete, and its runner is about to end";
  return "state is " + std::string(to_string(container.state));
}

void end_process(Reconciliation& out, const std::string& uuid, const PoolProcess& process, std::string reason,
                 bool complete = false) {
  if (process.exited)
    out.placeholders.push_back(uuid);
  else
    out.kills.push_back({uuid, std::move(reason), complete});
}

ProcessView view_of(const PoolProcess& process) {
  return {true, process.exited, process.started};
}

ReconcileInput input_of(const MatchedQueue::Row& row) {
  ReconcileInput input;
  input.state = row.container().state;
  input.priority = row.container().priority;
  if (row.process) input.process = view_of(row.process->second);
  return input;
}

/// Nothing is to be done about it, whichever workers are unknown and whenever the queue was read.
bool is_settled(const MatchedQueue::Row& row) {
  if (!row.entry) return !row.process;
  ReconcileInput input = input_of(row);
  input.queue_updated = SteadyTime::max();
  return reconcile(input) == ReconcileAction::none;
}

}  // namespace

void ReconcilePass::update(const MatchedQueue& queue, const std::vector<std::uint32_t>& changed) {
  for (const std::uint32_t container : changed) {
    if (is_settled(queue.rows()[container]))
      unsettled_.erase(container);
    else
      unsettled_.insert(container);
  }
}

Reconciliation ReconcilePass::decide(const MatchedQueue& queue, std::optional<SteadyTime> queue_updated) const {
  Reconciliation out;
  for (const std::uint32_t number : unsettled_) {
    const MatchedQueue::Row& row = queue.rows()[number];
    if (!row.entry) {
      if (!is_just_started(view_of(row.process->second), queue_updated))
        end_process(out, *row.uuid, row.process->second, "not in the queue");
      continue;
    }
    ReconcileInput input = input_of(row);
    input.unknown_workers = queue.counts().unknown > 0;
    input.queue_updated = queue_updated;
    switch (reconcile(input)) {
      case ReconcileAction::none:
        break;
      case ReconcileAction::cancel:
        out.cancels.push_back(*row.uuid);
        break;
      case ReconcileAction::kill:
        end_process(out, *row.uuid, row.process->second, kill_reason(row.container()),
                    row.container().state == ContainerState::complete);
        break;
      case ReconcileAction::requeue:
        out.requeues.push_back(*row.uuid);
        break;
      case ReconcileAction::forget:
        out.forgets.push_back(*row.uuid);
        break;
    }
  }
  return out;
}

bool is_lost(const PoolSnapshot& pool, std::string_view uuid) {
  ReconcileInput input;
  input.state = ContainerState::running;
  input.unknown_workers = pool.count(WorkerState::unknown) > 0;
  input.queue_updated = SteadyTime::max();
  if (const PoolProcessEntry* process = pool.running.find(uuid)) input.process = view_of(process->second);
  return reconcile(input) == ReconcileAction::cancel;
}

void spare(Reconciliation& out, const std::set<std::string, std::less<>>& containers) {
  if (containers.empty()) return;
  std::erase_if(out.kills, [&](const KillRequest& kill) { return containers.contains(kill.uuid); });
  std::erase_if(out.placeholders, [&](const std::string& uuid) { return containers.contains(uuid); });
}

}  // namespace berth
