#pragma once

#include <cstdint>
#include <optional>

#include "berth/base/time.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// What to do with a container whose record and process disagree (facts §5.8).
enum class ReconcileAction {
  none,
  cancel,   ///< API call: it died without saying so
  kill,     ///< ask the pool to kill its process and to clear its exit placeholder
  requeue,  ///< API call: unlock
  forget,   ///< drop it from the queue
};

/// Where the pool stands with the container.
struct ProcessView {
  bool in_pool = false;               ///< starting, running, or exited and not yet cleared
  std::optional<SteadyTime> exited;   ///< set for an exit placeholder
  std::optional<SteadyTime> started;  ///< when we started it; nothing: another dispatcher did
};

/// So old may be what a list shows, if the API has it from a replica of its database.
constexpr Duration oldest_page = std::chrono::seconds(15);

struct ReconcileInput {
  ContainerState state = ContainerState::queued;
  std::int64_t priority = 0;
  ProcessView process;
  bool unknown_workers = false;             ///< a worker is in state unknown: it may turn out to run the container
  std::optional<SteadyTime> queue_updated;  ///< QueueSnapshot::updated
};

/// Whether it lives, and was started less than `oldest_page` before the last poll: its container was Locked then,
/// whatever the queue shows.
bool is_just_started(const ProcessView& process, std::optional<SteadyTime> queue_updated);

/// The decision for a container in the queue. For a uuid that the pool knows and the queue does not it is `kill`,
/// unless is_just_started().
///
/// Three rows differ from facts §5.8. Queued, with a process that is_just_started(): it is left alone. Running, exited
/// and not read since, priority 0: the placeholder is not cleared, since the pass after it would take the container for
/// lost and cancel what its runner may have ended as Complete, which the API allows (facts §2.4). Running, exited and
/// read since, with unknown workers: it is left alone, as without a process, since what ended may have been a second
/// runner, which found the container claimed by a first one there.
ReconcileAction reconcile(const ReconcileInput& input);

}  // namespace berth
