#pragma once

#include <string>

#include "berth/base/time.hpp"

namespace berth::runner {

// This program has no Runtime; these are its clocks and its chance.
SteadyTime steady_now();
WallTime wall_now();
/// `2030-01-02T03:04:05.678Z`
std::string log_time(WallTime time);
/// Evenly from 0 to `bound`.
Duration random_below(Duration bound);
/// 16 random hex digits: no two runners get the same.
std::string random_name();
void sleep_briefly(Duration duration);

}  // namespace berth::runner
