#pragma once

#include <memory>

#include "berth/base/asio.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"

namespace berth {

/// SIGTERM, SIGINT and SIGHUP, caught from construction on: none that comes before somebody waits is lost.
class ProcessSignals {
 public:
  explicit ProcessSignals(Runtime& runtime);
  ~ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  /// Until SIGTERM, SIGINT or end().
  awaitable<void> wait_for_end();
  /// As SIGTERM does. Thread-safe.
  void end();
  /// Raised by each SIGHUP. One task at a time waits on it.
  Subscription& reload();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
