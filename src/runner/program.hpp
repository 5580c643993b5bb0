#pragma once

#include <string>
#include <vector>

namespace berth::runner {

/// berth-run itself: `words` without the program's name. Returns the exit code (facts §7).
int run_program(const std::vector<std::string>& words);

}  // namespace berth::runner
