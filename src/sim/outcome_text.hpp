#pragma once

#include <string>

#include "lives.hpp"
#include "workload_source.hpp"

namespace berth {

/// For people: which containers of a history that was given up can never run, and why. Several lines, the last one
/// without its end; empty if there are none.
std::string describe_stuck(const Lives& lives, const WorkloadSource& source);

/// For people: which containers of a history have failed. A line without its end; empty if none has.
std::string describe_failed(const Lives& lives, const WorkloadSource& source);

}  // namespace berth
