#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

/// The containers of one queue snapshot, numbered in order of uuid, and where each stands in one pool snapshot. Borrows
/// from both.
struct MatchedQueue {
  struct Row {
    const std::shared_ptr<const QueueEntry>* entry;
    const PoolProcess* process;  ///< null: not known to the pool

    const Container& container() const { return (*entry)->container; }
  };
  std::vector<Row> rows;
  std::vector<std::string> orphans;  ///< known to the pool, not in the queue

  /// The number of a container; nothing if it is not in the queue.
  std::optional<std::uint32_t> find(std::string_view uuid) const;
};

MatchedQueue match_queue(const QueueSnapshot& queue, const PoolSnapshot& pool);

}  // namespace berth
