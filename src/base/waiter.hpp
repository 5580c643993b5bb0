#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

namespace berth {

/// A suspended coroutine: its handler, and the executor on which it goes on.
/// Only ever constructed and moved from: in Asio 1.81 move-assigning an any_completion_handler recurses for ever.
struct Waiter {
  boost::asio::any_io_executor executor;
  boost::asio::any_completion_handler<void(boost::system::error_code)> handler;
};

/// Lets it go on from its executor's queue, never from within this call.
void resume(Waiter waiter, boost::system::error_code error);

}  // namespace berth
