#pragma once

#include <memory>
#include <string>
#include <utility>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

constexpr SteadyTime kPollTime{std::chrono::hours(1)};

inline void set_supervisor(QueueEntry& entry, bool supervisor) {
  QueueSpec spec = *entry.spec;
  spec.container.scheduling_parameters.supervisor = supervisor;
  entry.spec = std::make_shared<const QueueSpec>(std::move(spec));
}

/// Builds a queue snapshot and a pool snapshot as the two owners would publish them.
struct Snapshots {
  QueueSnapshot queue;
  PoolSnapshot pool;

  Snapshots() {
    queue.updated = kPollTime;
    pool.loaded = true;
  }
  /// Returns a copy of the entry that `set` puts in place of it.
  QueueEntry add(const std::string& uuid, ContainerState state, std::int64_t priority,
                 std::vector<std::string> types = {"small"}, Resources needed = {1, 1, 1, 0, 0}) {
    QueueEntry entry;
    entry.container.uuid = uuid;
    entry.container.state = state;
    entry.container.priority = priority;
    entry.container.created_at = WallTime(std::chrono::hours(2));
    entry.spec = std::make_shared<const QueueSpec>(QueueSpec{{}, needed, std::move(types)});
    entry.id = ++last_id_;
    set(entry);
    return entry;
  }
  void set(const QueueEntry& entry) { queue.entries.set(std::make_shared<const QueueEntry>(entry)); }

  /// Returns a copy of the instance that `set` puts in place of it.
  PoolInstance instance(const std::string& id, const std::string& type, WorkerState state,
                        std::vector<std::string> containers = {}) {
    PoolInstance i;
    i.id = id;
    i.number = ++last_number_;
    i.type = type;
    i.state = state;
    i.containers = std::move(containers);
    for (const std::string& uuid : i.containers) pool.running.put(uuid, {i.number, {}});
    set(i);
    return i;
  }
  void set(const PoolInstance& instance) { pool.instances.set(std::make_shared<const PoolInstance>(instance)); }
  void placeholder(const std::string& uuid, SteadyTime exited) { pool.running.put(uuid, {0, exited}); }

 private:
  std::uint64_t last_id_ = 0;
  std::uint64_t last_number_ = 100;
};

}  // namespace berth
