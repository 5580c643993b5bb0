#pragma once

// The little of Asio that contracts may mention. Rooms include <boost/asio/…> themselves, in their .cpp files.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace berth {
namespace asio = boost::asio;
using boost::asio::awaitable;
}  // namespace berth
