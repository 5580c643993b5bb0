#pragma once

// Instantiates Beast's websocket: for the two units that open one.
#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "berth/net/websocket.hpp"

#include "beast.hpp"
#include "metered_stream.hpp"

namespace berth {

/// A websocket over a connection that somebody else owns: a TCP socket, or TLS over one.
template <class Connection>
class BeastWebSocket final : public WebSocket {
 public:
  using Stream = beast::websocket::stream<MeteredStream<Connection>, false>;

  /// `owner` lives as long as this.
  BeastWebSocket(Connection& connection, beast::role_type role, const WebSocketLimits& limits,
                 std::shared_ptr<void> owner)
      : owner_(std::move(owner)), stream_(connection, most_reads(limits)) {
    auto timeout = beast::websocket::stream_base::timeout::suggested(role);
    timeout.idle_timeout = limits.silence;
    timeout.handshake_timeout =
        std::min<Duration>(timeout.handshake_timeout, limits.silence);  // that of a goodbye, too
    timeout.keep_alive_pings = true;
    stream_.set_option(timeout);
    stream_.read_message_max(limits.max_message);
    stream_.text(true);
  }

  Stream& stream() { return stream_; }

  awaitable<Result<std::string>> read() override {
    buffer_.clear();
    stream_.next_layer().renew();
    // A peer that floods keeps Beast's own operations busy, so that a cancellation meets none that waits: it closes the
    // connection under them.
    const CloseOnCancel guard((co_await asio::this_coro::cancellation_state).slot(), stream_);
    auto token = asio::bind_cancellation_slot(asio::cancellation_slot(), asio::as_tuple(asio::use_awaitable));
    auto [error, size] = co_await stream_.async_read(buffer_, token);
    if (error && stream_.next_layer().is_exhausted())
      co_return fail(ErrorKind::exhausted, "the peer sends without end, and no message");
    if (error) co_return fail(error_of(error));
    if (!stream_.got_text()) co_return fail(ErrorKind::undecodable, "a binary message");
    co_return beast::buffers_to_string(buffer_.data());
  }

  awaitable<Result<void>> write(std::string message) override {
    auto [error, size] = co_await stream_.async_write(asio::buffer(message), asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(error_of(error));
    co_return Result<void>{};
  }

  awaitable<void> close() override {
    co_await stream_.async_close(beast::websocket::close_code::normal, asio::as_tuple(asio::use_awaitable));
  }

 private:
  class CloseOnCancel {
   public:
    CloseOnCancel(asio::cancellation_slot slot, Stream& stream) : slot_(slot) {
      slot_.assign([&stream](asio::cancellation_type /*type*/) {
        beast::error_code ignored;
        stream.next_layer().lowest_layer().close(ignored);
      });
    }
    ~CloseOnCancel() { slot_.clear(); }
    CloseOnCancel(const CloseOnCancel&) = delete;
    CloseOnCancel& operator=(const CloseOnCancel&) = delete;

   private:
    asio::cancellation_slot slot_;
  };

  /// Enough for a message that comes in pieces of 512 bytes, and for a day's pings.
  static std::size_t most_reads(const WebSocketLimits& limits) { return limits.max_message / 512 + 256; }

  static Error error_of(const beast::error_code& error) {
    if (error == beast::error::timeout) return {ErrorKind::timeout, "the peer is silent"};
    if (error == beast::websocket::error::message_too_big) return {ErrorKind::exhausted, "the message is too long"};
    return {ErrorKind::network, error.message()};
  }

  const std::shared_ptr<void> owner_;
  Stream stream_;
  beast::flat_buffer buffer_;
};

}  // namespace berth
