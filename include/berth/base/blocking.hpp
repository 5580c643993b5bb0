#pragma once

// Includes much of Asio: for .cpp files only.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/runtime.hpp"

namespace berth {

/// Runs `work` (a callable that may block and must not throw) on the blocking pool and returns what it returns.
/// Not cancellable once started: keep each piece short.
template <class Work>
auto run_blocking(Runtime& runtime, Work work) -> awaitable<decltype(work())> {
  auto body = [](Work w) -> awaitable<decltype(w())> { co_return w(); };
  co_return co_await asio::co_spawn(runtime.blocking_executor(), body(std::move(work)), asio::use_awaitable);
}

}  // namespace berth
