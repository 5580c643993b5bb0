#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/model/container.hpp"
#include "berth/model/instance.hpp"
#include "berth/model/resources.hpp"

namespace berth {

class LearnedTimes;  // src/scheduler/cost_learned.hpp

/// How to choose among instances that have room for a container.
enum class Policy {
  /// The reference to the letter: a fold over the instances (facts §5.4), O(containers × instances). For comparison.
  reference,
  /// The best by a total order: ready before booting or unknown, more containers first, price ascending, VCPUs, RAM,
  /// scratch descending, id (design §8). It departs from the reference on purpose otherwise, too: at quota it passes
  /// over what the cloud has no room for; a sole over-quota container stays locked if any instance exists (facts §15
  /// #10), a supervisor over their limit unless a more urgent one is Queued; GPU memory is per device: a container
  /// takes devices, not memory (#26); exit placeholders are no load when a 503 lowers the container limit (#40).
  greedy,
  /// As cheap as it can be without longer waits (docs/policies.md): instances are chosen by what is left over on them,
  /// creates by what they are worth to all that waits. It looks at run times, boot times and the time that has passed.
  cost,
};
/// `cost`, `greedy`, `reference`.
Result<Policy> parse_policy(std::string_view text);

/// Why a container waits, or what is done about it: machine-readable; the sentence is made on read (facts §5.6).
enum class Reason : std::uint8_t {
  none,
  preparing,
  priority_zero,
  supervisor_limit,
  previous_attempt,
  new_instance,
  type_capacity,
  cloud_limits,
  cluster_capacity,
  room_soon,    ///< policy `cost`: nothing is created for it, since room is expected sooner than an instance could boot
  making_room,  ///< policy `cost`: an instance takes nothing else until this container has room on it
};
/// `preparing`, `priority-zero`, … as in facts §5.6; Berth's own: `room-soon`, `making-room`.
std::string_view to_string(Reason reason);

// Everything below refers to its like by index: containers, instances, types, needs and lists are numbered densely
// inside one PlanInput, so that the pass neither hashes nor compares strings.

constexpr std::uint32_t kNoType = ~std::uint32_t{0};

/// An instance type as the planner sees it.
struct PlanType {
  double price = 0;  ///< $/hour
  Resources size;
};

/// What a container needs and where it may run. Containers that are alike in this share one.
struct NeedClass {
  Resources need;               ///< as stored at first sight, mounts included (facts §15 #41); nothing negative
  std::uint32_t type_list = 0;  ///< in PlanInput::type_lists
  /// Those that fit whatever they cost, in PlanInput::type_lists; kNoType: the same as `type_list`.
  std::uint32_t any_price_list = kNoType;
};

struct PlanContainer {
  std::string_view uuid;   ///< borrowed; only breaks ties of the order
  std::uint32_t need = 0;  ///< in PlanInput::needs
  ContainerState state = ContainerState::queued;
  bool supervisor = false;
  bool in_pool = false;  ///< starting, running, or exited and not yet cleared: `running` of facts §5.2
  /// A process of an earlier attempt is known although `in_pool` is false. The reference asks the live pool in mid-pass
  /// and may so learn of one; a pass over one snapshot cannot, so Berth's shell never sets it.
  bool old_process = false;
  std::int64_t priority = 0;
  WallTime first_seen{};
  WallTime created{};
  bool gone = false;                  ///< this number stands for no container: an owner who keeps numbers leaves gaps
  std::uint32_t run_time_key = 0;     ///< in LearnedTimes: containers of which about the same run time is expected
  std::optional<SteadyTime> started;  ///< when its process began; nothing if it has none or nobody knows
};

struct PlanInstance {
  std::string_view id;           ///< borrowed; empty while its create is pending; breaks ties
  std::uint32_t type = kNoType;  ///< kNoType: not configured any more; gets no containers
  WorkerState state = WorkerState::booting;
  IdleBehavior idle_behavior = IdleBehavior::run;
  std::vector<std::uint32_t> containers;  ///< those listed on it
  /// Containers listed on it that the queue does not know: while there are any, it counts as full (facts §5.2).
  std::uint32_t unknown_containers = 0;
  std::uint64_t number = 0;  ///< of a pending create: the order in which they were asked for
  bool gone = false;         ///< this number stands for no instance
  SteadyTime created{};      ///< when its create was asked for
  WallTime last_busy{};      ///< when something ran on it last, or it came into service
};

struct PlanLimits {
  bool at_quota = false;
  std::optional<std::int64_t> instances_left;  ///< nothing = no limit; at zero the rest of the pass is at quota
  std::int64_t create_slots = 0;               ///< creates that the pool grants in this pass
  std::vector<bool> blocked_types;             ///< by type: at capacity
  std::int64_t max_containers = 0;             ///< facts §5.3; 0 = no limit, here and below
  std::int64_t max_supervisors = 0;
  std::int64_t max_per_instance = 0;
  std::int64_t total_instances = 0;  ///< workers in any state, pending creates not counted
  std::int64_t running = 0;          ///< uuids known to the pool
};

/// What the policy `cost` may do; the cluster's keys `Containers.CloudVMs.Cost…`.
struct CostRules {
  bool ride = true;    ///< use room on a running instance above the container's price ceiling if that costs little
  bool cover = true;   ///< create types by what they are worth to all that waits; else the cheapest for each
  bool group = true;   ///< when instances are scarce, create larger ones for several containers together
  double spare = 0.2;  ///< do not create for what gets room within this share of a boot time; 0 = always create
  bool learn_idle_timeout = true;             ///< idle time-outs by what instances of the type did lately
  Duration guard = std::chrono::minutes(10);  ///< at most instances, how long the first may be blocked; 0 = no limit
  Duration timeout_idle = std::chrono::minutes(1);  ///< the most that is learned
  double maximum_price_factor = 1.5;
};

/// At most instances: `instance` takes nothing but `container`, and is shut down if it is empty and of no use to it.
struct PlanGuard {
  std::uint32_t container = 0;
  std::uint32_t instance = 0;
  friend bool operator==(const PlanGuard&, const PlanGuard&) = default;
};

/// What only the policy `cost` looks at.
struct CostInput {
  CostRules rules;
  WallTime now{};
  SteadyTime steady_now{};                ///< the same moment
  const LearnedTimes* learned = nullptr;  ///< borrowed; null: nothing is known yet
  std::optional<PlanGuard> guard;         ///< of the last pass, if both still exist
};

/// One snapshot of queue and pool. The strings it borrows must outlive it.
struct PlanInput {
  std::vector<PlanType> types;
  std::vector<std::vector<std::uint32_t>> type_lists;  ///< eligible types, cheapest first
  std::vector<NeedClass> needs;
  std::vector<PlanContainer> containers;  ///< any order; in scheduling order is fastest
  std::vector<PlanInstance> instances;
  PlanLimits limits;
  CostInput cost;
};

struct ContainerStatus {
  Reason reason = Reason::none;
  std::uint32_t type = kNoType;  ///< new_instance: the instance's type
  std::int64_t position = 0;     ///< from 1 for supervisor_limit, type_capacity, cloud_limits, cluster_capacity
  friend bool operator==(const ContainerStatus&, const ContainerStatus&) = default;
};

struct PlanStart {
  std::uint32_t container = 0;
  std::uint32_t instance = 0;
  friend bool operator==(const PlanStart&, const PlanStart&) = default;
};

/// What is to be done (facts §5.4, §5.5). Numbers are indices into the input.
struct Decisions {
  std::vector<std::uint32_t> locks;  ///< containers
  /// Of the locks those for which room is kept on an instance that is ready: once locked, each may be started there,
  /// without another pass, as long as none has been made. Not with Policy::reference.
  std::vector<PlanStart> ahead;
  std::vector<std::uint32_t> unlocks;  ///< containers
  std::vector<std::uint32_t> kills;    ///< containers with an old process
  std::vector<PlanStart> starts;
  std::vector<std::uint32_t> creates;    ///< types, in order
  std::vector<std::uint32_t> shutdowns;  ///< instances to ask; the pool refuses those in a wrong state
  bool at_quota = false;                 ///< at the end of the pass
  std::int64_t allocated_not_started = 0;
  std::int64_t not_allocated_over_quota = 0;  ///< over-quota and over-supervisor lists together
  std::optional<Duration> wake_after;         ///< when to plan again even if nothing changes
  std::optional<PlanGuard> guard;             ///< for CostInput::guard of the next pass
  std::vector<Duration> idle_timeouts;        ///< by type; empty: as configured
  friend bool operator==(const Decisions&, const Decisions&) = default;
};

/// What one pass decided, and why each container waits.
struct Plan : Decisions {
  std::vector<std::uint32_t> order;       ///< containers in scheduling order (facts §5.2)
  std::vector<ContainerStatus> statuses;  ///< by container
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// The mapping pass: which containers to lock, unlock and start, which instances to create and shut down. Pure.
Plan plan(const PlanInput& input, Policy policy);

}  // namespace berth
