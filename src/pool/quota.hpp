#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/model/instance_type.hpp"

namespace berth {

struct CreateLimits {
  std::int64_t max_instances = 0;           ///< 0 = no limit
  std::int64_t max_concurrent_creates = 0;  ///< 0 = no limit
  Duration hold_off{};                      ///< after one create too many at a time
};

/// What the pool has, as far as limits count it.
struct PoolCounts {
  std::int64_t workers = 0;          ///< in any state
  std::int64_t pending_creates = 0;  ///< not yet workers
  std::int64_t creates_in_flight = 0;
  std::int64_t total() const { return workers + pending_creates; }
};

/// What a capacity error was about (facts §6.6): three different keys, even if two values are equal.
struct CapacityKey {
  CapacityScope scope = CapacityScope::everything;
  std::string value;  ///< provider type (`-preemptible` added), or the driver's quota group
  friend auto operator<=>(const CapacityKey&, const CapacityKey&) = default;
};
std::string capacity_value(const InstanceType& type);

enum class CreateRefusal { type_at_capacity, at_quota, throttled, too_many_creates };
std::string_view to_string(CreateRefusal refusal);

/// What the cloud's errors taught about how much may be created (facts §6.6). Values only: the caller says what time it
/// is.
class QuotaMemory {
 public:
  explicit QuotaMemory(CreateLimits limits) : limits_(limits) {}

  /// A create failed; `counts` still has it as pending.
  void create_failed(const Error& error, const InstanceType& type, const std::string& quota_group,
                     const PoolCounts& counts, SteadyTime now);
  void create_succeeded();
  void list_failed(const Error& error, SteadyTime now);
  /// A list arrived: the only moment at which the quota threshold may be cleared, but that it is forgotten after 10
  /// min: the quota may have grown, and what waits for the next instance may keep the last one busy for ever.
  void synced(const PoolCounts& counts);

  /// Why a create of this type may not begin now; nothing if it may. One create too many starts the hold-off.
  std::optional<CreateRefusal> refuse_create(const InstanceType& type, const std::string& quota_group,
                                             const PoolCounts& counts, SteadyTime now);

  bool at_quota(const PoolCounts& counts, SteadyTime now) const;
  bool at_capacity(const InstanceType& type, const std::string& quota_group, SteadyTime now) const;
  /// Whether any capacity error is remembered.
  bool any_at_capacity(SteadyTime now) const;
  /// Until MaxInstances; 0 at quota; nothing = no limit.
  std::optional<std::int64_t> instances_left(const PoolCounts& counts, SteadyTime now) const;
  /// Creates that may begin now.
  std::int64_t create_slots(const PoolCounts& counts, SteadyTime now) const;
  std::optional<SteadyTime> create_blocked_until(SteadyTime now) const;
  std::optional<SteadyTime> list_blocked_until(SteadyTime now) const;
  /// When the earliest of the memories of now ends.
  std::optional<SteadyTime> next_expiry(SteadyTime now) const;

 private:
  bool blocked(const CapacityKey& key, SteadyTime now) const;

  CreateLimits limits_;
  std::int64_t threshold_ = 0;  ///< at quota until there are fewer instances than this; 0 = none
  SteadyTime threshold_until_{};
  std::int64_t failures_ = 0;  ///< plain create errors in a row
  SteadyTime quota_until_{};
  SteadyTime create_blocked_until_{};
  SteadyTime list_blocked_until_{};
  std::map<CapacityKey, SteadyTime> blocked_until_;
};

}  // namespace berth
