#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "berth/model/instance_type.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/scheduler/plan.hpp"

#include "matched_queue.hpp"

namespace berth {

/// Turns snapshots into a PlanInput. Container i is entry i of the queue's snapshot, instance i that of the pool's.
/// Needs are interned once per container and kept between passes.
class PlanInputBuilder {
 public:
  PlanInputBuilder(const std::map<std::string, InstanceType>& types, std::int64_t max_per_instance);

  /// The limits of facts §5.3 for this pass.
  struct Limits {
    std::int64_t max_containers = 0;
    std::int64_t max_supervisors = 0;
  };
  /// `unlocking` says of a uuid whether its unlock is under way. Such a container counts as Queued although the queue
  /// still shows it Locked: it must not be started now. The result borrows from the snapshots and holds until the next
  /// call.
  const PlanInput& build(const MatchedQueue& queue, const PoolSnapshot& pool,
                         const std::function<bool(const std::string&)>& unlocking, Limits limits);

  const std::string& type_name(std::uint32_t type) const { return type_names_[type]; }

 private:
  void set_containers(const MatchedQueue& queue, const std::function<bool(const std::string&)>& unlocking);
  void set_instances(const MatchedQueue& queue, const PoolSnapshot& pool);
  void set_limits(const PoolSnapshot& pool, Limits limits);
  std::uint32_t need_of(const QueueEntry& entry);
  std::uint32_t type_list_of(const std::vector<std::string>& names);
  void forget_needs();

  PlanInput input_;
  std::vector<std::string> type_names_;
  std::map<std::string, std::uint32_t> types_;
  std::map<std::vector<std::string>, std::uint32_t> type_lists_;
  std::map<std::pair<Resources, std::uint32_t>, std::uint32_t> needs_;
  std::unordered_map<std::uint64_t, std::uint32_t> need_by_entry_;  // by QueueEntry::id
};

}  // namespace berth
