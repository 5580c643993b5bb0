#pragma once

#include "lock_files.hpp"

namespace berth::runner {

/// `--list`: prints a line for each container whose lock is held (`UUID`, or `UUID stale` if its runner is gone), and
/// `broken`. If nobody holds a lock, everything that its command left running is killed; then the lock file is deleted,
/// and while something is left the container is listed. Returns the exit code.
int list_containers(const LockDirectory& locks);

/// `--kill SIGNAL UUID`: sends the signal once and waits up to 1 s for the runner's end. 0 if it is gone, 1 if not.
int kill_container(const LockDirectory& locks, const std::string& uuid, int signal);

}  // namespace berth::runner
