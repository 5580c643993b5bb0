#pragma once

#include <string>
#include <sys/types.h>
#include <utility>

#include "berth/base/result.hpp"

#include "posix.hpp"

namespace berth::runner {

/// A second process, `berth-run-guard`, that makes sure that no command outlives its runner: while a command runs, its
/// container's lock must be held, or the dispatcher would believe the place free and start the container elsewhere.
///
/// Runner and guard share the lock, and each watches the other:
///  * The runner dies (SIGKILL, out of memory): the guard writes its own PID into the lock file, kills the command's
///    session and all that bears the command's mark (strays.hpp), and only then ends, which releases the lock.
///  * The guard dies: the runner stops the command and ends the container Cancelled.
///  * Both die at once: the kernel kills the command itself (PR_SET_PDEATHSIG). What the command started is found by
///    its mark, killed, and listed until it is dead, by the next `--list`, and also before the container is run anew.
///  * The lock file is removed (the instance is gone, with its directory): the guard sends the runner SIGTERM and, 10 s
///    later, SIGKILL.
class Guard {
 public:
  /// Forks, so make it before any thread. `lock` is the container's lock file, `mark` the command's.
  static Result<Guard> start(const Fd& lock, const std::string& uuid, const std::string& mark);
  Guard(Guard&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), process_(std::move(other.process_)), orders_(std::move(other.orders_)) {}
  Guard& operator=(Guard&&) = delete;
  /// Waits for the guard's end, and so for that of everything that the command has left.
  ~Guard();

  pid_t pid() const { return pid_; }
  /// Readable once the guard is dead.
  const Fd& process() const { return process_; }
  /// The command's session, from now on to be killed with the runner; 0 once the command has ended, nothing_left once
  /// everything has that it started: then the guard need not look for it.
  static constexpr pid_t nothing_left = -1;
  void set_session(pid_t session);

 private:
  Guard() = default;
  pid_t pid_ = -1;
  Fd process_;
  Fd orders_;
};

}  // namespace berth::runner
