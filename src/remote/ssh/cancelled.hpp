#pragma once

#include <exception>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace berth {

/// For the end of a coroutine that is cancelled when it is no longer needed: any other exception is a bug.
inline void rethrow_unless_cancelled(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& cancelled) {
    if (cancelled.code() != boost::asio::error::operation_aborted) throw;
  }
}

}  // namespace berth
