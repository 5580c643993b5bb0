#pragma once

#include <functional>
#include <optional>

#include "command.hpp"
#include "guard.hpp"
#include "log_spool.hpp"
#include "signals.hpp"

namespace berth::runner {

/// How the user's command ended.
struct CommandEnd {
  int exit_code = 0;          ///< as a shell reports it
  int stopped_by_signal = 0;  ///< the runner was told to stop and stopped the command
  bool timed_out = false;     ///< max_run_time passed and the command was stopped
  std::string last_words;     ///< the end of what it wrote to stderr
  bool nothing_left = false;  ///< everything that it started has ended, too
  bool unguarded = false;     ///< the guard died and the command was stopped
};

/// Carries the command's output to the log until it has ended. On SIGTERM, at `deadline`, or when the guard dies, the
/// command's process group gets SIGTERM and, if that does not end it, SIGKILL.
CommandEnd supervise(RunningCommand& command, Guard& guard, Signals& signals, LogSpool& log,
                     std::optional<SteadyTime> deadline);

}  // namespace berth::runner
