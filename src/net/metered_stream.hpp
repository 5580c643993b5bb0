#pragma once

#include <cstddef>
#include <utility>

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "beast.hpp"

namespace berth {

/// A connection on which only so many reads may follow each other until somebody says that they were worth it: a peer
/// that sends what never comes to anything (empty fragments, pings) is closed down on.
template <class Next>
class MeteredStream {
 public:
  using executor_type = typename Next::executor_type;
  using lowest_layer_type = typename Next::lowest_layer_type;
  using next_layer_type = Next;

  MeteredStream(Next& next, std::size_t most_reads) : next_(next), most_reads_(most_reads) {}

  /// A message begins.
  void renew() { reads_ = 0; }
  /// It was closed for having no end.
  bool is_exhausted() const { return reads_ > most_reads_; }

  executor_type get_executor() { return next_.get_executor(); }
  Next& next_layer() { return next_; }
  const Next& next_layer() const { return next_; }
  lowest_layer_type& lowest_layer() { return next_.lowest_layer(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (++reads_ > most_reads_) {
      beast::error_code ignored;
      next_.lowest_layer().close(ignored);
    }
    return next_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return next_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  Next& next_;
  const std::size_t most_reads_;
  std::size_t reads_ = 0;
};

template <class Next>
void teardown(beast::role_type role, MeteredStream<Next>& stream, beast::error_code& error) {
  using beast::websocket::teardown;
  teardown(role, stream.next_layer(), error);
}

template <class Next, class Handler>
void async_teardown(beast::role_type role, MeteredStream<Next>& stream, Handler&& handler) {
  using beast::websocket::async_teardown;
  async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

}  // namespace berth
