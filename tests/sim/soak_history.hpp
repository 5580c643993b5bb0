#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/sim/world.hpp"

namespace berth {

/// Which history to run: a seed, its length, and what is not to be as the seed has it.
struct SoakHistory {
  std::uint64_t seed = 1;
  double hours = 6;
  std::string policy;     ///< empty: that which the seed has
  std::string event_bus;  ///< none, whole, lossy; empty: as the seed has it
};

SimOptions options_of(const SoakHistory& history);

/// The arguments of `./dev soak` that run this history again, to the last event.
std::string arguments_of(const SoakHistory& history);

/// Lines `SEED HOURS POLICY what it found`; `#` begins a comment. The error names the file, and the line that is wrong.
Result<std::vector<SoakHistory>> read_corpus(const std::string& path);

}  // namespace berth
