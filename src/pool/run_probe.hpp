#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// What a runner's `--list` said about its worker (facts §6.8).
struct RunProbe {
  std::set<std::string> running;  ///< containers whose runner process is alive
  std::set<std::string> stale;    ///< containers whose runner is gone although its lock is still held
  bool broken = false;            ///< the worker cannot start containers
  friend bool operator==(const RunProbe&, const RunProbe&) = default;
};

/// More containers than this on one worker are not believed.
inline constexpr std::size_t max_listed_containers = 4096;

/// Reads the output of `--list`: one line per container. Lines that are not about containers of `cluster_id`, or are
/// not understood, are ignored (facts §6.8). Errors: exhausted, when more than max_listed_containers are listed.
Result<RunProbe> parse_run_probe(std::string_view output, std::string_view cluster_id);

}  // namespace berth
