#pragma once

// Includes much of Asio: for .cpp files only.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// The operation's result, or ErrorKind::timeout if `limit` passed first: the operation is then cancelled and awaited.
template <class T>
awaitable<Result<T>> with_deadline(Runtime& runtime, Duration limit, awaitable<Result<T>> operation) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto outcome = co_await (std::move(operation) || runtime.sleep_for(limit));
  if (outcome.index() == 0) co_return std::move(std::get<0>(outcome));
  co_return fail(ErrorKind::timeout, "no answer within the deadline");
}

}  // namespace berth
