#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "berth/base/result.hpp"

#include "posix.hpp"

namespace berth::runner {

struct CommandSpec {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  ///< all of it; PATH is used to find the program
  std::string directory;                           ///< absolute
  std::int64_t memory_limit = 0;                   ///< bytes of RLIMIT_DATA; 0 = none
};

/// The user's process: leader of a session and process group of its own, nothing on stdin, pipes on stdout and stderr.
struct RunningCommand {
  pid_t pid = -1;
  Fd pidfd;  ///< readable once it has ended
  Fd stdout_pipe;
  Fd stderr_pipe;
};

/// Where to look for the program, in order: itself if it has a slash, else in each directory of PATH.
std::vector<std::string> candidates(const std::string& program, const std::string& path);

/// The memory limit for a container that asked for `ram`: RLIMIT_DATA counts what a process may write and nobody
/// shares, used or not, for each process by itself. The slack of 256 MiB is for stacks of threads and for interpreters,
/// so that this stops the runaway process, not the one that uses what it asked for. 0, which is no limit, for no ram.
std::int64_t memory_limit_for(std::int64_t ram);

/// True if a failed command's last words on stderr blame a lack of memory, in the words of common languages and of the
/// C library. Nothing else tells such a command from any other that failed.
bool speaks_of_memory(std::string_view last_words);

/// Starts it without a shell. Errors: invalid (program or directory is not there, or cannot be used: another attempt
/// would meet the same), failed, exhausted.
Result<RunningCommand> start_command(const CommandSpec& spec);

/// After the command's end: kills what is left of its process group and every process that it left to us, and waits for
/// them, at most 2 s. `guard` is a child of ours that stays. True if nothing is left: whatever the command started is
/// ours once its parent has ended.
bool end_leftovers(pid_t command, pid_t guard);

}  // namespace berth::runner
