#pragma once

#include <string>
#include <sys/types.h>

#include "berth/base/time.hpp"

namespace berth::runner {

/// The variable in the environment of a container's command by which everything that the command starts is known
/// later, whoever became its parent. Its value is the path of the container's lock file.
inline constexpr const char* mark_variable = "BERTH_RUN_LOCK";
/// The value for a lock file: its path without symbolic links, however it is spelled.
std::string mark_of(const std::string& lock_path);

/// Kills the processes that bear the mark, and those of `session` (0: none), until there are none left, at most for
/// `limit`. False if some are left. Out of reach is only what another user runs (setuid), and what has left the session
/// and wiped its environment.
bool end_strays(const std::string& mark, pid_t session, Duration limit);

}  // namespace berth::runner
