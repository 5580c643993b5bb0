#include "waiter.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace berth {

void resume(Waiter waiter, boost::system::error_code error) {
  boost::asio::post(waiter.executor,
                    [handler = std::move(waiter.handler), error]() mutable { std::move(handler)(error); });
}

}  // namespace berth
