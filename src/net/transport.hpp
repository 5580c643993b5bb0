#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/net/websocket.hpp"

#include "request_rules.hpp"

namespace berth {

/// A connection's bytes. Used on one strand; one read and one write may be under way at once. It knows no time-outs:
/// close() ends what takes too long.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Before anything else: finds out whether the peer speaks TLS and shakes hands. Errors: network.
  virtual awaitable<Result<void>> accept() = 0;
  /// At least one byte, or 0 when the peer has ended its side. Errors: network.
  virtual awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) = 0;
  /// Writes a part, says how much. Errors: network.
  virtual awaitable<Result<std::size_t>> write_some(std::string_view data) = 0;
  /// Ends this side, then throws away what comes in until the peer ends its own: closing at once while bytes are on
  /// their way would reset the connection, and the peer might lose our last words.
  virtual awaitable<void> finish() = 0;
  /// At once; calls under way return errors.
  virtual void close() = 0;
  virtual bool is_tls() const = 0;
  /// Answers the request with 101 and speaks websocket from here on; the transport outlives the result. Errors:
  /// network (also if the request is unsound, which it is told), unsupported.
  virtual awaitable<Result<std::unique_ptr<WebSocket>>> upgrade(UpgradeRequest request, WebSocketLimits limits) {
    (void)request, (void)limits;
    co_return fail(ErrorKind::unsupported, "no websocket here");
  }
};

}  // namespace berth
