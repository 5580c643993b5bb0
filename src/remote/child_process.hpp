#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

#include "berth/base/fd.hpp"
#include "berth/base/result.hpp"

namespace berth {

/// The process groups that one executor has started and not yet reaped, so that close() can end them all. Thread-safe.
class ProcessGroups {
 public:
  /// Kills every group and refuses new ones.
  void close();
  bool closed() const { return closed_; }

 private:
  friend class ChildProcess;
  bool add(pid_t pid);
  void kill(pid_t pid);
  /// Takes the child's exit status and forgets its group, in one step: its number may be used anew right after. Nothing
  /// if it still runs.
  bool reap(pid_t pid, int& exit_status);

  std::mutex mutex_;
  std::atomic<bool> closed_ = false;
  std::set<pid_t> pids_;
};

/// One `/bin/sh -c` in a process group of its own, with a pipe to each of its standard streams.
class ChildProcess {
 public:
  /// `environment`: `NAME=value` strings. Errors: failed, exhausted (no descriptors or processes left), network
  /// (closed).
  static Result<ChildProcess> spawn(std::shared_ptr<ProcessGroups> groups, const std::string& text,
                                    const std::vector<std::string>& environment);

  /// Sends SIGKILL to the whole group, unless the child has been reaped.
  void kill() const { groups_->kill(pid_); }
  /// True once the child has ended; then `exit_status` is as a shell reports it.
  bool reap(int& exit_status) const { return groups_->reap(pid_, exit_status); }

  Fd pidfd;  ///< readable once the child has ended
  Fd stdin_pipe;
  Fd stdout_pipe;
  Fd stderr_pipe;

 private:
  ChildProcess() = default;
  std::shared_ptr<ProcessGroups> groups_;
  pid_t pid_ = -1;
};

}  // namespace berth
