#pragma once

#include <string>
#include <vector>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/config/load.hpp"

#include "additions.hpp"
#include "arguments.hpp"
#include "process_signals.hpp"

namespace berth {

/// Runs until a signal ends it; the exit code.
awaitable<int> run_standalone(RealRuntime& runtime, Arguments arguments, Additions additions);
awaitable<int> run_cluster(RealRuntime& runtime, Arguments arguments, Additions additions);

/// The configuration of a cluster's daemon after every check that can be made without acting: the same for
/// `--check-config` and the daemon. What was found is printed to stderr and added to the diagnostics.
LoadedConfig load_and_check(const Arguments& arguments, const Additions& additions);

/// What both kinds of daemon do at their different stages.
class Daemon {
 public:
  virtual ~Daemon() = default;
  /// Makes all parts and serves HTTP.
  virtual awaitable<Result<void>> prepare() = 0;
  /// Waits for the right to act, then starts to. Cancelled by the end of the process.
  virtual awaitable<Result<void>> activate() = 0;
  /// Watches over the daemon's life, beside activate(): DispatcherStack::watch.
  virtual awaitable<void> watch() = 0;
  /// Reads the certificate anew.
  virtual Result<void> reload_certificate() = 0;
  virtual awaitable<void> stop() = 0;
};

/// Prepares the daemon, tells the service manager, lets it act until a signal ends it, stops it. SIGHUP and every hour
/// re-read the certificate (facts §1.6). Returns what went wrong, or success after a signal. Call it on a strand.
awaitable<Result<void>> run_until_signal(Runtime& runtime, Logger log, ProcessSignals& signals, Daemon& daemon);

}  // namespace berth
