#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "capacity.hpp"
#include "instance_order.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// One instance during a pass.
struct FleetInstance {
  Capacity capacity;
  std::uint32_t type = kNoType;
  std::uint32_t containers = 0;  ///< how many are listed on it
  std::uint32_t order = 0;       ///< its place among instances of the same rank, see InstanceOrder
  bool ready = false;            ///< idle or running: a start is possible now
  bool usable = false;           ///< may get containers as far as state and idle behaviour go
  bool gone = false;
};

/// The instances of one pass, and which of them a container gets. Instances have the numbers of PlanInput; creates of
/// this pass follow them.
class Fleet {
 public:
  Fleet(const PlanInput& input, GpuMemory gpu_memory);
  virtual ~Fleet() = default;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// The instance on which to put a container of this class; nothing if none has room.
  virtual std::optional<std::uint32_t> find(std::uint32_t need) = 0;
  /// Puts one there.
  virtual void place(std::uint32_t instance, std::uint32_t need) = 0;
  /// Adds a pending instance with a container of this class already on it.
  virtual void create(std::uint32_t type, std::uint32_t need) = 0;
  /// How many of the `most` rows from here on are Locked containers for which find() would find nothing, as far as that
  /// can be told quickly.
  virtual std::size_t count_failing(const WaitingRow* /*rows*/, std::size_t /*most*/) { return 0; }

  const FleetInstance& operator[](std::uint32_t instance) const { return instances_[instance]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(instances_.size()); }
  /// Orders instances as facts §5.2 sorts them: price ascending, VCPUs, RAM, scratch descending, id. Smaller is
  /// earlier.
  std::uint64_t list_key(std::uint32_t instance) const;
  /// Orders them by design §8: ready first, more containers first, then as list_key. Smaller is better.
  std::uint64_t preference_key(std::uint32_t instance) const;
  /// No further container may be listed on it.
  bool full(std::uint32_t instance) const;

 protected:
  const PlanInput& input() const { return input_; }
  void subtract(std::uint32_t instance, std::uint32_t need);
  /// The number of a new pending instance of this type.
  std::uint32_t add_pending(std::uint32_t type);
  /// An instance of the input came, changed or went. False: make a new fleet.
  bool reload(std::uint32_t instance);
  void restore(std::uint32_t instance, const FleetInstance& before) { instances_[instance] = before; }
  /// Forgets the creates of this pass.
  void drop_pending();

 private:
  FleetInstance load(std::uint32_t instance) const;

  const PlanInput& input_;
  GpuMemory gpu_memory_;
  std::vector<std::uint32_t> type_rank_;
  InstanceOrder order_;
  std::vector<FleetInstance> instances_;
};

}  // namespace berth
