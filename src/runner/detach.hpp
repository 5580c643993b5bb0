#pragma once

#include <string>
#include <vector>

#include "lock_files.hpp"

namespace berth::runner {

/// The descriptor over which a detached runner gets its lock (facts §7).
constexpr int lock_descriptor = 3;

/// `--detach`: takes the lock, starts this program anew in a session of its own, hands it all of stdin, and prints the
/// content of the lock file. Returns the exit code.
int detach(const LockDirectory& locks, const std::string& uuid, const std::vector<std::string>& arguments);

/// In the started program: the lock inherited from detach(), or taken here if there is none.
Result<Fd> adopt_lock(const LockDirectory& locks, const std::string& uuid, bool inherited);

}  // namespace berth::runner
