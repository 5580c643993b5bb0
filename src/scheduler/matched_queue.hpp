#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

/// The containers that queue or pool know of, and where each stands; kept up to date from one pair of snapshots to the
/// next at the cost of what changed. Containers and instances have dense numbers that they keep while they are known;
/// later a number may be given to another.
class MatchedQueue {
 public:
  struct Row {
    const std::string* uuid = nullptr;
    QueueEntries::value_type entry;                   ///< null: not in the queue
    std::shared_ptr<const PoolProcessEntry> process;  ///< null: not known to the pool
    std::vector<std::uint32_t> instances;             ///< that list it

    const QueuedContainer& container() const { return entry->container; }
    bool empty() const { return !entry && !process && instances.empty(); }
  };
  /// What came, changed or went, each once, ascending.
  struct Changes {
    std::vector<std::uint32_t> containers;
    std::vector<std::uint32_t> instances;  ///< also if a container listed on it came to the queue or left it
  };
  /// Of the pool.
  struct Counts {
    std::int64_t instances = 0;  ///< workers in any state, pending creates not counted
    std::int64_t unknown = 0;    ///< in state unknown
    std::int64_t exited = 0;     ///< exit placeholders among the processes
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  MatchedQueue() = default;
  MatchedQueue(const QueueSnapshot& queue, const PoolSnapshot& pool) { update(queue, pool); }
  MatchedQueue(MatchedQueue&&) = default;
  MatchedQueue& operator=(MatchedQueue&&) = default;

  Changes update(const QueueSnapshot& queue, const PoolSnapshot& pool);

  /// By container; those that are not known (any more) are empty.
  const std::vector<Row>& rows() const { return rows_; }
  /// By instance; null if there is none (any more).
  const std::vector<std::shared_ptr<const PoolInstance>>& instances() const { return instances_; }
  const Counts& counts() const { return counts_; }
  /// The number of a container; nothing if neither queue nor pool know it.
  std::optional<std::uint32_t> find(const std::string& uuid) const;

 private:
  std::uint32_t number_of(const std::string& uuid);
  void change_entry(const SharedMap<QueueEntry, QueueEntryKey>::Change& change, Changes& changes);
  void change_process(const SharedMap<PoolProcessEntry, PoolProcessKey>::Change& change, Changes& changes);
  void change_instance(const SharedMap<PoolInstance, PoolInstanceKey>::Change& change, Changes& changes);
  void list(const PoolInstance& instance, std::uint32_t number, bool listed);
  void count(const PoolInstance& instance, std::int64_t by);
  void release(const Changes& changes);

  QueueEntries entries_;
  PoolProcesses processes_;
  PoolInstances pool_instances_;
  Counts counts_;
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // of containers
  std::vector<std::uint32_t> free_rows_;
  std::vector<std::shared_ptr<const PoolInstance>> instances_;
  std::unordered_map<std::uint64_t, std::uint32_t> instance_numbers_;  // by the pool's number
  std::vector<std::uint32_t> free_instances_;
};

}  // namespace berth
