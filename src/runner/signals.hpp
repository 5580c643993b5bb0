#pragma once

#include "berth/base/time.hpp"

#include "posix.hpp"

namespace berth::runner {

/// Blocks the signals of facts §7 for this thread and what it starts, across exec, too: a new runner is in the list of
/// runners, and so gets signals, before its first instruction.
void block_runner_signals();

/// The signals of facts §7, taken from a descriptor instead of by interruption. Make it before any thread.
class Signals {
 public:
  Signals();
  /// Readable when a signal is there.
  int fd() const { return fd_.get(); }
  /// Takes what has come. TERM, INT and QUIT ask to stop; USR1 and USR2 ask for nothing here (the log is always on its
  /// way; the cost is computed at the end) and must not kill.
  void take();
  /// The first signal that asked to stop; 0 if none did.
  int stop_signal() const { return stop_signal_; }
  /// Waits until `when`, or until asked to stop if `stoppable`.
  void wait_until(SteadyTime when, bool stoppable);

 private:
  Fd fd_;
  int stop_signal_ = 0;
};

}  // namespace berth::runner
