#include "reconcile.hpp"

namespace berth {

bool is_just_started(const ProcessView& process, std::optional<SteadyTime> queue_updated) {
  return process.started && !process.exited && (!queue_updated || *queue_updated < *process.started + oldest_page);
}

ReconcileAction reconcile(const ReconcileInput& in) {
  const ProcessView& process = in.process;
  // Only a record that was read after the exit tells how the process left it.
  const bool left_so = process.exited && in.queue_updated && *in.queue_updated > *process.exited;
  switch (in.state) {
    case ContainerState::running:
      if (!process.in_pool || left_so) return in.unknown_workers ? ReconcileAction::none : ReconcileAction::cancel;
      return in.priority < 1 && !process.exited ? ReconcileAction::kill : ReconcileAction::none;
    case ContainerState::complete:
    case ContainerState::cancelled:
      return process.in_pool ? ReconcileAction::kill : ReconcileAction::forget;
    case ContainerState::queued:
      if (process.in_pool)
        return is_just_started(process, in.queue_updated) ? ReconcileAction::none : ReconcileAction::kill;
      return in.priority < 1 ? ReconcileAction::forget : ReconcileAction::none;
    case ContainerState::locked:
      if (!process.in_pool) return in.priority < 1 ? ReconcileAction::requeue : ReconcileAction::none;
      if (left_so) return ReconcileAction::requeue;
      return in.priority < 1 && !process.exited ? ReconcileAction::kill : ReconcileAction::none;
  }
  return ReconcileAction::none;
}

}  // namespace berth
