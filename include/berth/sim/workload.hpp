#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/time.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// One container of a workload: what it asks for, and how it will behave.
struct WorkloadContainer {
  /// When it is submitted: after the beginning or, with a parent, after the parent began to run.
  Duration submit{};
  std::vector<std::uint32_t> after;     ///< indices of those that must be Complete before it is submitted
  std::optional<std::uint32_t> parent;  ///< index of its supervisor, which goes on until its children are final
  std::int64_t priority = 500;          ///< of the request: 1 … 1000
  RuntimeConstraints constraints;
  SchedulingParameters scheduling;
  std::int64_t scratch = 0;  ///< bytes, as the capacity of a mount of kind `tmp`
  std::string image;         ///< its container_image; empty: the same for all
  Duration run_time{};       ///< of the user's command
};

/// Any order; `parent` and `after` refer to other places in it.
using Workload = std::vector<WorkloadContainer>;

}  // namespace berth
