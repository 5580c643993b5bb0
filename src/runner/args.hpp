#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"

namespace berth::runner {

enum class Mode { run, detach, list, watch, kill, version, help };

/// The command line (facts §7).
struct Arguments {
  Mode mode = Mode::run;
  bool no_detach = false;  ///< started by --detach: the lock is descriptor 3
  bool stdin_config = false;
  bool stdin_prices = false;
  int signal = 0;            ///< --kill
  bool memory_limit = true;  ///< --enable-memory-limit
  std::string broken_node_hook;
  std::string uuid;  ///< of the container; checked
};

/// `arguments` without the program's name. Flags are spelled as Go's flag package takes them: one dash or two, `-name
/// value` or
/// `-name=value`, up to the first argument that is no flag. Errors: invalid.
Result<Arguments> parse_arguments(const std::vector<std::string>& arguments);

std::string usage();

}  // namespace berth::runner
