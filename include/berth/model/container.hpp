#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/model/uuid.hpp"

namespace berth {

enum class ContainerState { queued, locked, running, complete, cancelled };
std::string_view to_string(ContainerState state);  ///< `Queued`, `Locked`, …
Result<ContainerState> parse_container_state(std::string_view text);
inline bool is_waiting(ContainerState s) {
  return s == ContainerState::queued || s == ContainerState::locked;
}
inline bool is_final(ContainerState s) {
  return s == ContainerState::complete || s == ContainerState::cancelled;
}

/// `runtime_constraints.gpu` (facts §2.3).
struct GpuConstraints {
  std::string stack;
  std::string driver_version;
  std::vector<std::string> hardware_target;
  std::int64_t device_count = 0;
  std::int64_t vram = 0;  ///< bytes per device
  friend auto operator<=>(const GpuConstraints&, const GpuConstraints&) = default;
};

/// `runtime_constraints` (facts §2.3); sizes in bytes.
struct RuntimeConstraints {
  bool api = false;
  std::int64_t vcpus = 0;
  std::int64_t ram = 0;
  std::int64_t keep_cache_ram = 0;
  std::int64_t keep_cache_disk = 0;
  GpuConstraints gpu;
  friend auto operator<=>(const RuntimeConstraints&, const RuntimeConstraints&) = default;
};

/// `scheduling_parameters` (facts §2.3).
struct SchedulingParameters {
  bool preemptible = false;
  bool supervisor = false;
  std::int64_t max_run_time = 0;  ///< seconds; 0 = no limit
  std::vector<std::string> partitions;
  friend auto operator<=>(const SchedulingParameters&, const SchedulingParameters&) = default;
};

/// What a container record says for good of what is to run and where it may; the same for many containers.
struct ContainerSpec {
  std::string container_image;  ///< portable data hash
  RuntimeConstraints runtime_constraints;
  SchedulingParameters scheduling_parameters;
  friend auto operator<=>(const ContainerSpec&, const ContainerSpec&) = default;
};

/// What the dispatcher reads of a mount: only `tmp` ones matter to it (facts §4.1).
struct Mount {
  std::string kind;
  std::int64_t capacity = 0;  ///< bytes
  friend bool operator==(const Mount&, const Mount&) = default;
};

/// A container record as the dispatcher sees it: the fields of `select` list S (facts §2.2) and what lock answers
/// carry.
struct Container : ContainerSpec {
  std::string uuid;
  ContainerState state = ContainerState::queued;
  std::int64_t priority = 0;  ///< up to about 1.13e18: never through a double
  std::string locked_by_uuid;
  WallTime created_at{};
  std::map<std::string, Mount> mounts;  ///< by path
  /// Not empty: the record could not be read, this is why, and nothing but the uuid is set.
  std::string unreadable;
};

}  // namespace berth
