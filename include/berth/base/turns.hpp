#pragma once

#include <cstddef>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/asio.hpp"

namespace berth {

/// Lets others have the strand of a long piece of work after each `steps` of it.
class Turns {
 public:
  /// `steps`: at least 1.
  explicit Turns(std::size_t steps) : steps_(steps) {}

  /// After each step. What the work relies on may have changed when this returns.
  awaitable<void> next() {
    if (++taken_ % steps_ == 0) co_await asio::post(asio::use_awaitable);
  }

 private:
  const std::size_t steps_;
  std::size_t taken_ = 0;
};

}  // namespace berth
