#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// One end of a websocket (RFC 6455) for text messages. Lives on the strand where it was opened; one read and one write
/// may be under way at once. The peer's pings are answered while a read is under way. After an
/// error or a cancelled operation it is of no further use; its end closes the connection.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// The next message. Errors: network (the peer has left, or the connection broke), timeout (it was silent for too
  /// long), exhausted (the message is too long), undecodable (not text).
  virtual awaitable<Result<std::string>> read() = 0;
  /// Errors: network, timeout.
  virtual awaitable<Result<void>> write(std::string message) = 0;
  /// Says goodbye and waits for the peer to say it, too.
  virtual awaitable<void> close() = 0;
};

struct WebSocketLimits {
  std::size_t max_message = std::size_t{64} << 10;  ///< bytes; a longer one ends the connection
  /// A peer that sends nothing for half of it is pinged; one that sends nothing for all of it is gone.
  Duration silence = std::chrono::seconds(60);
};

/// Talks with one client, until it returns; on cancellation (shutdown) it throws as any wait does.
using WebSocketTalk = std::function<awaitable<void>(WebSocket&)>;

struct WebSocketClientOptions {
  WebSocketLimits limits;
  Duration deadline = std::chrono::seconds(15);  ///< from look-up to handshake
  bool insecure_tls = false;
  std::string ca_file;     ///< PEM; empty: the library's default
  std::string connect_to;  ///< dial this host instead of the URL's, same port; empty: as the URL says
};

/// Opens `ws://…` or `wss://…` on the caller's executor, which must be a strand. Goes straight to the host, through no
/// proxy. Errors, which name the host and never the query, for that may hold a token: invalid (URL, `ca_file`),
/// network, timeout, denied (401, 403), unavailable (503), failed (another answer than an upgrade).
awaitable<Result<std::unique_ptr<WebSocket>>> open_websocket(Runtime& runtime, std::string url,
                                                             WebSocketClientOptions options);

}  // namespace berth
