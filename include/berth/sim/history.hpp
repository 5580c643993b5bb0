#pragma once

#include <cstdint>
#include <string>

#include "berth/sim/world.hpp"

namespace berth {

/// The history that the test suite runs for a seed: configuration, workload, faults and their rates are all drawn from
/// it. Every tenth seed has no faults at all. Of three seeds one finds changes by polling alone, one has an event bus,
/// and one an event bus that loses a tenth of its news.
SimOptions draw_history(std::uint64_t seed, Duration duration);

/// For people: what was drawn, one line.
std::string describe(const SimOptions& options);

}  // namespace berth
