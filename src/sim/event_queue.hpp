#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "berth/base/time.hpp"

namespace berth {

/// What the simulated world will do, by time, then by order of planning.
class EventQueue {
 public:
  void at(SteadyTime when, std::function<void()> action);
  bool empty() const { return heap_.empty(); }
  /// SteadyTime::max() if there is none.
  SteadyTime next() const { return heap_.empty() ? SteadyTime::max() : heap_.front().when; }
  /// Takes the first one out; the queue must not be empty.
  std::function<void()> pop();

 private:
  struct Planned {
    SteadyTime when;
    std::uint64_t number;
    std::uint32_t action;  ///< its place in actions_
  };
  static bool later(const Planned& a, const Planned& b);

  std::vector<Planned> heap_;
  std::vector<std::function<void()>> actions_;
  std::vector<std::uint32_t> free_;  ///< places in actions_
  std::uint64_t planned_ = 0;
};

}  // namespace berth
