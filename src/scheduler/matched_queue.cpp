#include "matched_queue.hpp"

#include <algorithm>

namespace berth {

MatchedQueue match_queue(const QueueSnapshot& queue, const PoolSnapshot& pool) {
  MatchedQueue matched;
  matched.rows.reserve(queue.entries.size());
  auto process = pool.running.begin();
  const auto end = pool.running.end();
  for (const auto& entry : queue.entries) {  // a merge: both are sorted by uuid
    const std::string& uuid = entry->container.uuid;
    for (; process != end && process->first < uuid; ++process) matched.orphans.push_back(process->first);
    const bool found = process != end && process->first == uuid;
    matched.rows.push_back({&entry, found ? &process->second : nullptr});
    if (found) ++process;
  }
  for (; process != end; ++process) matched.orphans.push_back(process->first);
  return matched;
}

std::optional<std::uint32_t> MatchedQueue::find(std::string_view uuid) const {
  const auto row = std::lower_bound(rows.begin(), rows.end(), uuid,
                                    [](const Row& r, std::string_view u) { return r.container().uuid < u; });
  if (row == rows.end() || row->container().uuid != uuid) return std::nullopt;
  return static_cast<std::uint32_t>(row - rows.begin());
}

}  // namespace berth
