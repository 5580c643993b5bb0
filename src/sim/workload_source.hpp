#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/sim/workload.hpp"

namespace berth {

/// A workload with what its source says beside it.
struct WorkloadSource {
  std::string name;                ///< for people: a file's name, or what it was generated from
  Workload containers;             ///< in the order of the source
  std::vector<std::string> names;  ///< of the containers, unique
  std::vector<std::size_t> lines;  ///< of the containers, from 1; empty: there are none
  std::int64_t skipped = 0;        ///< lines of the source that describe nothing that ran
};

/// What no workload may exceed: larger numbers are mistakes, and would make a simulation without end.
struct WorkloadLimits {
  std::size_t file_bytes = std::size_t{512} << 20;
  std::size_t line_bytes = std::size_t{64} << 10;
  std::size_t containers = 1'000'000;
  std::size_t links = 10'000'000;                    ///< `after` entries in all
  Duration span = std::chrono::hours(24 * 366);      ///< from the first to the last submission
  Duration run_time = std::chrono::hours(24 * 366);  ///< of one container
  std::int64_t vcpus = 100'000;                      ///< of one container
  std::int64_t gpus = 1'000;                         ///< of one container
  std::int64_t bytes = std::int64_t{1} << 50;        ///< RAM, scratch of one container, VRAM of one of its GPUs
};

/// Takes times of submission as a source gives them, all since one moment, to what a Workload holds: since the first
/// one, or since the parent's. Checks what containers say about each other: names are unique, links go to other
/// containers, without circles, only a supervisor has children, and none is submitted before it. Errors: invalid,
/// "LINE: FIELD: …".
Result<WorkloadSource> finish_workload(WorkloadSource source, const WorkloadLimits& limits = {});

}  // namespace berth
