#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/shared_map.hpp"
#include "berth/base/time.hpp"
#include "berth/model/container.hpp"
#include "berth/model/resources.hpp"

namespace berth {

/// What is the same for many containers, and shared by their entries.
struct QueueSpec {
  ContainerSpec container;                  ///< of the record
  Resources needed;                         ///< computed at first sight, mounts included
  std::vector<std::string> instance_types;  ///< eligible, cheapest first; empty only if Running or final
  friend auto operator<=>(const QueueSpec&, const QueueSpec&) = default;
};

/// What is a container's own.
struct QueuedContainer {
  std::string uuid;
  ContainerState state = ContainerState::queued;
  std::int64_t priority = 0;
  std::string locked_by_uuid;
  WallTime created_at{};
};

/// One container in the cache (facts §3). Immutable; a change makes a new one.
struct QueueEntry {
  QueuedContainer container;
  std::shared_ptr<const QueueSpec> spec;  ///< never null
  WallTime first_seen{};                  ///< wall time of the list that first showed it
  std::uint64_t id = 0;                   ///< unique in this process, never reused

  const Resources& needed() const { return spec->needed; }
  const std::vector<std::string>& instance_types() const { return spec->instance_types; }
};

struct QueueEntryKey {
  std::string_view operator()(const QueueEntry& entry) const { return entry.container.uuid; }
};
/// The entries of the cache, sorted by uuid.
using QueueEntries = SharedMap<QueueEntry, QueueEntryKey>;

}  // namespace berth
