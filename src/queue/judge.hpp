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

/// Whether two records say the same; mounts and lock holder aside.
bool same_record(const Container& a, const Container& b);

}  // namespace berth
