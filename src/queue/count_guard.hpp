#pragma once

#include <cstddef>

namespace berth {

/// Counts one more while it lives: a worker among those that share a list.
class CountGuard {
 public:
  explicit CountGuard(std::size_t& count) : count_(count) { ++count_; }
  ~CountGuard() { --count_; }
  CountGuard(const CountGuard&) = delete;
  CountGuard& operator=(const CountGuard&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace berth
