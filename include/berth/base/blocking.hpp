#pragma once

// Includes much of Asio: for .cpp files only.
#include "berth/base/call_on.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

namespace detail {
template <class Work>
auto blocking_body(Work work) -> awaitable<decltype(work())> {
  co_return work();
}
}  // namespace detail

/// Runs `work` (a callable that may block and must not throw) on the blocking pool and returns what it returns.
/// Not cancellable once started: keep each piece short.
template <class Work>
auto run_blocking(Runtime& runtime, Work work) -> awaitable<decltype(work())> {
  auto executor = runtime.blocking_executor();
  // A slot that nobody signals: the pool is no strand, so cancellation must not reach into it.
  auto token = asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable);
  auto body = detail::blocking_body(std::move(work));
  if constexpr (std::is_void_v<decltype(work())>) {
    co_await asio::co_spawn(executor, std::move(body), token);
  } else {
    auto box = co_await asio::co_spawn(executor, detail::boxed(std::move(body)), token);
    co_return std::move(*box);
  }
}

}  // namespace berth
