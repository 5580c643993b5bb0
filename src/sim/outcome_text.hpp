#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lives.hpp"
#include "workload_source.hpp"

namespace berth {

/// Why not all containers of a history became complete, for people.
struct SimProblem {
  enum class Kind {
    failed,   ///< some requests came to nothing
    stuck,    ///< the history was given up: some containers could never run
    time_up,  ///< the history was cut off
  };
  Kind kind{};
  std::string what;              ///< how many; without a full stop
  std::vector<std::string> why;  ///< reasons, a line each, with names of some of the containers
};
/// `failed`, `stuck`, `time is up`.
std::string_view to_string(SimProblem::Kind kind);
/// What, and below it why, each line of that indented by two more than `indent`. The last line has no end.
std::string describe(const SimProblem& problem, std::size_t indent = 0);

/// None if all became complete; at most one of each kind.
std::vector<SimProblem> problems_of(const Lives& lives, const WorkloadSource& source);

}  // namespace berth
