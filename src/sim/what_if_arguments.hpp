#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/time.hpp"

namespace berth {

/// What the command line of berth-sim says.
struct WhatIfArguments {
  std::vector<std::string> configs;  ///< files, one or (to compare) several
  std::string workload;              ///< file; empty: generated
  std::string format;                ///< of that file; empty: by its name
  std::string generate;              ///< name or file of a spec
  std::int64_t ram_per_vcpu = 0;     ///< bytes, for SWF
  std::string cloud;                 ///< file; empty: the built-in model
  std::int64_t seeds = 1;
  std::uint64_t first_seed = 1;
  Duration limit{};          ///< of simulated time after the last submission
  Duration pass_interval{};  ///< between two scheduling passes at least
  std::string html;          ///< file; empty: none
  std::string csv;           ///< file; empty: none
};

struct ParsedWhatIf {
  WhatIfArguments arguments;
  /// Set: nothing is to be done but to exit so. What was to be printed is printed.
  std::optional<int> exit_code;
};
ParsedWhatIf parse_what_if(int argc, const char* const* argv);

}  // namespace berth
