#pragma once

#include "berth/base/call_on.hpp"

namespace berth {

/// Returns once `executor`, a component's strand, has run a step of its own: nothing holds it.
inline awaitable<void> beat_on(asio::any_io_executor executor) {
  constexpr auto step = []() -> awaitable<void> { co_return; };
  return call_on(std::move(executor), step());
}

}  // namespace berth
