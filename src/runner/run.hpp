#pragma once

#include "args.hpp"
#include "lock_files.hpp"

namespace berth::runner {

/// Runs the container from its record to its end. The lock is taken or inherited first. Returns the exit code: 0 if the
/// container ended in an orderly way (whatever its command's exit code), 1 if not.
int run_container(const LockDirectory& locks, const Arguments& arguments);

}  // namespace berth::runner
