#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace berth::loopback {

/// The processes that hold runner locks in `lock_directory` (facts §7), and all processes below them.
struct LockHolders {
  std::vector<pid_t> runners;
  std::vector<pid_t> descendants;
};
LockHolders find_lock_holders(const std::string& lock_directory);

}  // namespace berth::loopback
