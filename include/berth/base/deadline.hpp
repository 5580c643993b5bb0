#pragma once

// Includes much of Asio: for .cpp files only.
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// The operation's result, or ErrorKind::timeout if `limit` passed first: the operation is then cancelled and awaited
/// (should it succeed all the same, its value is returned). Cancellation of the caller reaches the operation and comes
/// back as operation_aborted; what the operation throws is thrown at once.
template <class T>
awaitable<Result<T>> with_deadline(Runtime& runtime, Duration limit, awaitable<Result<T>> operation) {
  // Not `operation || sleep`: that turns an exception into a wait for the deadline, and cancellation into
  // asio::multiple_exceptions.
  auto executor = co_await asio::this_coro::executor;
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, detail::boxed(std::move(operation)), asio::deferred),
      asio::co_spawn(executor, runtime.sleep_for(limit), asio::deferred));
  auto [order, thrown, result, sleep_thrown] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const bool in_time = order[0] == 0 || sleep_thrown;
  if (thrown && in_time) std::rethrow_exception(thrown);
  if (!thrown && (in_time || result->has_value())) co_return std::move(*result);
  co_return fail(ErrorKind::timeout, "no answer within the deadline");
}

}  // namespace berth
