#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "berth/model/instance_type.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/scheduler/plan.hpp"

#include "matched_queue.hpp"

namespace berth {

/// Keeps a PlanInput that says what a MatchedQueue says, with the same numbers of containers and instances. What has
/// not changed costs nothing. Needs are interned once per container.
class PlanInputBuilder {
 public:
  /// `any_price`: classes of needs also get NeedClass::any_price_list, for the policy `cost`.
  PlanInputBuilder(const std::map<std::string, InstanceType>& types, std::int64_t max_per_instance,
                   bool any_price = false);

  /// The limits of facts §5.3 for this pass.
  struct Limits {
    std::int64_t max_containers = 0;
    std::int64_t max_supervisors = 0;
  };
  /// `changes`: what is new in `queue` since the last call; besides containers whose unlock has begun or ended.
  /// `unlocking` says of a uuid whether its unlock is under way. Such a container counts as Queued although the queue
  /// still shows it Locked: it must not be started now. Returns false if the needs were numbered anew: then everything
  /// may have changed.
  bool update(const MatchedQueue& queue, const MatchedQueue::Changes& changes, const PoolSnapshot& pool,
              const std::function<bool(const std::string&)>& unlocking, Limits limits);

  /// Borrows from the queue's entries and instances.
  const PlanInput& input() const { return input_; }
  /// To be completed with what only the policy `cost` looks at.
  PlanInput& input() { return input_; }
  const std::string& type_name(std::uint32_t type) const { return type_names_[type]; }

 private:
  void set_container(const MatchedQueue& queue, std::uint32_t number,
                     const std::function<bool(const std::string&)>& unlocking);
  void set_instance(const MatchedQueue& queue, std::uint32_t number);
  void set_limits(const MatchedQueue& queue, const PoolSnapshot& pool, Limits limits);
  std::uint32_t need_of(const QueueEntry& entry, std::uint32_t number);
  std::uint32_t type_list_of(const std::vector<std::string>& names);
  void forget_needs();

  const std::map<std::string, InstanceType> all_types_;
  const bool any_price_;
  PlanInput input_;
  std::vector<std::string> type_names_;
  std::map<std::string, std::uint32_t> types_;
  std::map<std::vector<std::string>, std::uint32_t> type_lists_;
  std::map<std::tuple<Resources, std::uint32_t, std::uint32_t>, std::uint32_t> needs_;
  std::vector<std::uint64_t> entry_ids_;  // by container: QueueEntry::id that its need is known for; 0 = none
  std::size_t present_ = 0;               // containers
};

}  // namespace berth
