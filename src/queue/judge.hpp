#pragma once

#include <memory>
#include <string>
#include <variant>

#include "berth/queue/container_queue.hpp"

namespace berth {

/// Why a container cannot run here and is to be cancelled.
struct Refusal {
  std::string reason;
};

/// First sight of a container (facts §3), mounts included: an entry without `first_seen` and `id`; or a refusal, if it
/// has yet to start and no instance type fits. A container that runs or is over gets an empty list of types instead.
std::variant<QueueEntry, Refusal> judge(Container container, const QueueOptions& options);

/// Whether the record says of state, priority and lock holder what the entry says.
bool same_state(const QueueEntry& entry, const Container& record);
/// Whether it says the same in all else, too; mounts aside.
bool same_record(const QueueEntry& entry, const Container& record);

}  // namespace berth
