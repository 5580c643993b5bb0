#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "berth/base/signal.hpp"
#include "berth/remote/executor.hpp"

#include "core.hpp"

namespace berth {

/// The exit watch of one dispatcher process on one worker: lines on their way, and how it ends.
struct ExitStream {
  Subscription wake = Signal().subscribe();
  std::deque<std::string> lines;
  std::optional<Result<int>> ended;

  void put(std::string line) {
    if (ended) return;
    lines.push_back(std::move(line));
    wake.wake();
  }
  void end(Result<int> how) {
    if (ended) return;
    ended.emplace(std::move(how));
    wake.wake();
  }
};

}  // namespace berth
