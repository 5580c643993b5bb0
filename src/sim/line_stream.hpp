#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "berth/base/result.hpp"
#include "berth/base/signal.hpp"

namespace berth {

/// What comes to one dispatcher process over a connection that lasts: lines that it has not read yet, and how the
/// connection ends.
struct LineStream {
  Subscription wake = Signal().subscribe();
  std::deque<std::string> lines;
  std::optional<Result<int>> ended;  ///< the exit status of a command

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
