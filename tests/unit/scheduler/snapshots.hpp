#pragma once

#include <memory>
#include <string>
#include <utility>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

constexpr SteadyTime kPollTime{std::chrono::hours(1)};

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
    entry.instance_types = std::move(types);
    entry.needed = needed;
    entry.id = ++last_id_;
    set(entry);
    return entry;
  }
  void set(const QueueEntry& entry) { queue.entries.set(std::make_shared<const QueueEntry>(entry)); }

  PoolInstance& instance(const std::string& id, const std::string& type, WorkerState state,
                         std::vector<std::string> containers = {}) {
    PoolInstance i;
    i.id = id;
    i.number = pool.instances.size() + 101;
    i.type = type;
    i.state = state;
    i.containers = std::move(containers);
    for (const std::string& uuid : i.containers) pool.running[uuid] = {i.number, {}};
    pool.instances.push_back(i);
    return pool.instances.back();
  }
  void placeholder(const std::string& uuid, SteadyTime exited) { pool.running[uuid] = {0, exited}; }

 private:
  std::uint64_t last_id_ = 0;
};

}  // namespace berth
