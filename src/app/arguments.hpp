#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace berth {

struct Arguments {
  std::string config = "/etc/arvados/config.yml";
  bool check_config = false;
  bool dump_config = false;
  bool unmask = false;  ///< with dump_config
  bool config_reference = false;
  bool version = false;
  bool no_lock = false;
  int threads = 2;
  bool standalone = false;
  std::string data_dir;                   ///< standalone
  std::string listen = "127.0.0.1:7440";  ///< standalone
  std::int64_t vcpus = 0;                 ///< standalone: pretend to have so many; 0 = as this machine
  std::string ram;                        ///< standalone: pretend to have so much; empty = as this machine
  /// Flags of the reference that were given and are of no use here (facts §1.6).
  std::vector<std::string> ignored;
  std::string runner;  ///< standalone: path of berth-run; empty = beside this program
};

/// Either arguments, or the exit code after help, version or a usage error was printed (facts §1.6: 0, 2).
struct ParsedArguments {
  Arguments arguments;
  std::optional<int> exit_code;
};

/// Flags in one- and two-dash form; those of the reference are all accepted (facts §1.6).
ParsedArguments parse_arguments(int argc, const char* const* argv);

}  // namespace berth
