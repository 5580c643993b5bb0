#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "berth/scheduler/plan.hpp"

namespace berth {

/// What the mapping pass needs to know of a container most of the time, in 12 bytes.
class WaitingRow {
 public:
  /// A row without any of these is a Locked container that may be started.
  enum Flags : std::uint32_t {
    queued = 1,
    neither = 2,  ///< neither Queued nor Locked
    zero = 4,     ///< priority 0
    supervisor = 8,
    all = 15,
  };
  WaitingRow(std::uint32_t number, const PlanContainer& of);

  std::uint32_t container() const { return container_; }
  std::uint32_t need() const { return info_ >> kFlagBits; }
  std::uint32_t run_time_key() const { return run_time_key_; }
  std::uint32_t flags() const { return info_ & all; }
  bool is(Flags flag) const { return (info_ & flag) != 0; }
  friend bool operator==(const WaitingRow&, const WaitingRow&) = default;

 private:
  static constexpr int kFlagBits = 4;
  std::uint32_t container_;
  std::uint32_t info_;
  std::uint32_t run_time_key_;
};

/// The containers of one PlanInput that are not in the pool, in scheduling order.
class WaitingQueue {
 public:
  /// `order`: scheduling_order() of the input's containers.
  WaitingQueue(const PlanInput& input, const std::vector<std::uint32_t>& order);

  /// These came, changed or went; each named once. Costs a walk over the rows, at a nanosecond each.
  void update(const std::vector<std::uint32_t>& containers);

  const std::vector<WaitingRow>& rows() const { return rows_; }
  std::int64_t supervisors_in_pool() const { return supervisors_.in_pool; }
  /// Running by their records, in no pool: on a worker that nobody has looked at yet, or that cannot be reached; or
  /// lost.
  std::int64_t supervisors_elsewhere() const { return supervisors_.elsewhere; }

 private:
  enum class Supervises : std::uint8_t { no, in_pool, elsewhere };
  struct Supervisors {
    std::int64_t in_pool = 0;
    std::int64_t elsewhere = 0;
    void add(Supervises what, std::int64_t count);
  };
  Supervises supervises(std::uint32_t container) const;
  void count_supervisor(std::uint32_t container);
  void insert(std::vector<std::uint32_t> sorted);

  const PlanInput& input_;
  std::vector<WaitingRow> rows_;
  std::vector<Supervises> counted_;  // by container: as what
  Supervisors supervisors_;
};

/// Of supervisors over their limit, the Locked ones that are less urgent than a Queued one, and so before it in order.
std::vector<std::uint32_t> in_the_way(const PlanInput& input, const std::vector<std::uint32_t>& over_limit);

}  // namespace berth
