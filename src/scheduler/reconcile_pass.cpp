#include "reconcile_pass.hpp"

#include "reconcile.hpp"

namespace berth {
namespace {

std::string kill_reason(const Container& container) {
  if (container.state == ContainerState::running || container.state == ContainerState::locked) return "priority is 0";
  return "state is " + std::string(to_string(container.state));
}

void end_process(Reconciliation& out, const std::string& uuid, const PoolProcess& process, std::string reason) {
  if (process.exited)
    out.placeholders.push_back(uuid);
  else
    out.kills.push_back({uuid, std::move(reason)});
}

}  // namespace

Reconciliation reconcile_all(const MatchedQueue& queue, const PoolSnapshot& pool,
                             std::optional<SteadyTime> queue_updated) {
  Reconciliation out;
  ReconcileInput input;
  input.unknown_workers = pool.count(WorkerState::unknown) > 0;
  input.queue_updated = queue_updated;
  for (const MatchedQueue::Row& row : queue.rows) {
    const Container& container = row.container();
    const PoolProcess* process = row.process;
    input.state = container.state;
    input.priority = container.priority;
    input.process = process ? ProcessView{true, process->exited} : ProcessView{};
    switch (reconcile(input)) {
      case ReconcileAction::none:
        break;
      case ReconcileAction::cancel:
        out.cancels.push_back(container.uuid);
        break;
      case ReconcileAction::kill:
        end_process(out, container.uuid, *process, kill_reason(container));
        break;
      case ReconcileAction::requeue:
        out.requeues.push_back(container.uuid);
        break;
      case ReconcileAction::forget:
        out.forgets.push_back(container.uuid);
        break;
    }
  }
  for (const std::string& uuid : queue.orphans)
    end_process(out, uuid, pool.running.find(uuid)->second, "not in the queue");
  return out;
}

}  // namespace berth
