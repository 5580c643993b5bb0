#include "quota.hpp"

#include <algorithm>
#include <limits>

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration memory_of_errors = 60s;  // facts §6.6
constexpr Duration memory_of_quota = 10min;
constexpr Duration first_back_off = 250ms;
constexpr Duration longest_back_off = 60s;
/// "No limit" for callers that count down from it.
constexpr std::int64_t many_creates = std::numeric_limits<std::int32_t>::max();

Duration back_off(std::int64_t failures) {
  Duration pause = first_back_off;
  for (; failures > 1 && pause < longest_back_off; --failures) pause *= 2;
  return std::min(pause, longest_back_off);
}

std::optional<SteadyTime> if_future(SteadyTime when, SteadyTime now) {
  return when > now ? std::optional(when) : std::nullopt;
}

}  // namespace

std::string capacity_value(const InstanceType& type) {
  return type.preemptible ? type.provider_type + "-preemptible" : type.provider_type;
}

std::string_view to_string(CreateRefusal refusal) {
  switch (refusal) {
    case CreateRefusal::type_at_capacity:
      return "the cloud has no room for this type";
    case CreateRefusal::at_quota:
      return "at quota";
    case CreateRefusal::throttled:
      return "creates are throttled";
    case CreateRefusal::too_many_creates:
      return "too many creates at a time";
  }
  return "";
}

void QuotaMemory::create_failed(const Error& error, const InstanceType& type, const std::string& quota_group,
                                const PoolCounts& counts, SteadyTime now) {
  switch (error.kind) {
    case ErrorKind::quota: {
      const std::int64_t others = counts.total() - 1;
      if (others < 1) {
        threshold_ = 0;
        quota_until_ = now + memory_of_errors;
      } else if (threshold_ == 0 || threshold_until_ <= now || others < threshold_) {
        threshold_ = others;
        threshold_until_ = now + memory_of_quota;
      }
      return;
    }
    case ErrorKind::capacity: {
      CapacityKey key{error.scope, {}};
      if (error.scope == CapacityScope::instance_type) key.value = capacity_value(type);
      if (error.scope == CapacityScope::quota_group) key.value = quota_group;
      blocked_until_[key] = now + memory_of_errors;
      return;
    }
    case ErrorKind::rate_limited:
      if (error.retry_at && *error.retry_at > now) {
        create_blocked_until_ = std::max(create_blocked_until_, *error.retry_at);
        return;
      }
      break;
    default:
      break;
  }
  // The reference tries again at once; a pool that wakes the scheduler at once must not turn that into a storm.
  create_blocked_until_ = std::max(create_blocked_until_, now + back_off(++failures_));
}

void QuotaMemory::create_succeeded() {
  failures_ = 0;
}

void QuotaMemory::list_failed(const Error& error, SteadyTime now) {
  if (error.kind == ErrorKind::rate_limited && error.retry_at && *error.retry_at > now)
    list_blocked_until_ = *error.retry_at;
}

void QuotaMemory::synced(const PoolCounts& counts) {
  if (threshold_ > counts.total()) threshold_ = 0;
}

std::optional<CreateRefusal> QuotaMemory::refuse_create(const InstanceType& type, const std::string& quota_group,
                                                        const PoolCounts& counts, SteadyTime now) {
  if (at_capacity(type, quota_group, now)) return CreateRefusal::type_at_capacity;
  if (at_quota(counts, now)) return CreateRefusal::at_quota;
  if (create_blocked_until(now)) return CreateRefusal::throttled;
  if (limits_.max_concurrent_creates > 0 && counts.creates_in_flight >= limits_.max_concurrent_creates) {
    create_blocked_until_ = now + limits_.hold_off;
    return CreateRefusal::too_many_creates;
  }
  return std::nullopt;
}

bool QuotaMemory::at_quota(const PoolCounts& counts, SteadyTime now) const {
  return (threshold_ > 0 && threshold_until_ > now) || quota_until_ > now ||
         (limits_.max_instances > 0 && counts.total() >= limits_.max_instances);
}

bool QuotaMemory::blocked(const CapacityKey& key, SteadyTime now) const {
  const auto found = blocked_until_.find(key);
  return found != blocked_until_.end() && found->second > now;
}

bool QuotaMemory::at_capacity(const InstanceType& type, const std::string& quota_group, SteadyTime now) const {
  return blocked({CapacityScope::everything, {}}, now) || blocked({CapacityScope::quota_group, quota_group}, now) ||
         blocked({CapacityScope::instance_type, capacity_value(type)}, now);
}

bool QuotaMemory::any_at_capacity(SteadyTime now) const {
  return std::any_of(blocked_until_.begin(), blocked_until_.end(),
                     [now](const auto& entry) { return entry.second > now; });
}

std::optional<std::int64_t> QuotaMemory::instances_left(const PoolCounts& counts, SteadyTime now) const {
  if (at_quota(counts, now)) return 0;
  if (limits_.max_instances <= 0) return std::nullopt;
  return limits_.max_instances - counts.total();
}

std::int64_t QuotaMemory::create_slots(const PoolCounts& counts, SteadyTime now) const {
  if (create_blocked_until(now)) return 0;
  if (limits_.max_concurrent_creates <= 0) return many_creates;
  return std::max<std::int64_t>(0, limits_.max_concurrent_creates - counts.creates_in_flight);
}

std::optional<SteadyTime> QuotaMemory::create_blocked_until(SteadyTime now) const {
  return if_future(create_blocked_until_, now);
}

std::optional<SteadyTime> QuotaMemory::list_blocked_until(SteadyTime now) const {
  return if_future(list_blocked_until_, now);
}

std::optional<SteadyTime> QuotaMemory::next_expiry(SteadyTime now) const {
  std::optional<SteadyTime> earliest;
  const auto consider = [&](SteadyTime when) {
    if (when > now && (!earliest || when < *earliest)) earliest = when;
  };
  consider(quota_until_);
  if (threshold_ > 0) consider(threshold_until_);
  consider(create_blocked_until_);
  consider(list_blocked_until_);
  for (const auto& [key, until] : blocked_until_) consider(until);
  return earliest;
}

}  // namespace berth
