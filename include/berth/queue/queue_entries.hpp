#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/shared_map.hpp"
#include "berth/base/time.hpp"
#include "berth/model/container.hpp"
#include "berth/model/resources.hpp"

namespace berth {

/// One container in the cache (facts §3). Immutable; a change makes a new one.
struct QueueEntry {
  Container container;                      ///< mounts blanked
  Resources needed;                         ///< computed at first sight, mounts included
  std::vector<std::string> instance_types;  ///< eligible, cheapest first; empty only if Running or final
  WallTime first_seen{};                    ///< wall time of the list that first showed it
  std::uint64_t id = 0;                     ///< unique in this process, never reused
};

struct QueueEntryKey {
  std::string_view operator()(const QueueEntry& entry) const { return entry.container.uuid; }
};
/// The entries of the cache, sorted by uuid.
using QueueEntries = SharedMap<QueueEntry, QueueEntryKey>;

}  // namespace berth
