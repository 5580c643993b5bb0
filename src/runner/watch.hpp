#pragma once

#include "lock_files.hpp"

namespace berth::runner {

/// `--watch`: prints a line whenever a container may have started or ended here, until stdin is closed: first
/// `watching`, then `start UUID` for each lock file that is there, later `start UUID` and `end UUID` as lock files are
/// written and released, and `broken` when the machine is marked so. Told by the kernel (inotify); what it prints is a
/// hint, `--list` says what is so. Returns the exit code.
int watch_containers(const LockDirectory& locks);

}  // namespace berth::runner
