#pragma once

namespace berth {

/// `berthctl`: parses the command line, does what it says, prints to stdout, complains on stderr. The exit code: 0
/// done, 1 failed, 2 usage error.
int run_command_line(int argc, const char* const* argv);

}  // namespace berth
