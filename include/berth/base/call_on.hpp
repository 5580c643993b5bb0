#pragma once

// Includes much of Asio: for .cpp files only.
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/asio.hpp"

namespace berth {

namespace detail {
/// The same operation for co_spawn, which wants a default-constructible result.
template <class T>
awaitable<std::optional<T>> boxed(awaitable<T> operation) {
  co_return co_await std::move(operation);
}
}  // namespace detail

/// Runs `operation` on `executor` (another component's strand), waits for it and returns what it returns; the caller
/// goes on where it was. Cancelling the caller cancels the operation there.
///
/// Use this instead of `co_spawn(executor, …, use_awaitable)`: in Asio 1.81 that one sends the cancellation over as a
/// bare pointer, which dangles if the operation ends meanwhile on another thread.
template <class T>
awaitable<T> call_on(asio::any_io_executor executor, awaitable<T> operation) {
  auto relay = std::make_shared<asio::cancellation_signal>();
  auto state = co_await asio::this_coro::cancellation_state;
  if (auto slot = state.slot(); slot.is_connected()) {
    slot.assign([relay, executor](asio::cancellation_type type) {
      asio::dispatch(executor, [relay, type] { relay->emit(type); });
    });
  }
  auto token = asio::bind_cancellation_slot(relay->slot(), asio::use_awaitable);
  if constexpr (std::is_void_v<T>) {
    co_await asio::co_spawn(executor, std::move(operation), token);
  } else {
    auto box = co_await asio::co_spawn(executor, detail::boxed(std::move(operation)), token);
    co_return std::move(*box);
  }
}

}  // namespace berth
