#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_client.hpp"
#include "berth/net/websocket.hpp"

namespace berth {

struct ServerRequest {
  std::string method;  ///< upper case
  std::string target;  ///< as sent: path and query, percent-encoded
  std::string path;    ///< decoded, without query; never without the leading `/`
  std::string query;   ///< raw, without `?`
  HttpHeaders headers;
  std::string body;
  std::string remote_address;  ///< `ip:port`
  bool tls = false;
  std::string host;
};

/// Writes pieces of a streamed body; an error means that the client is gone. Waits while the client is slow.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual awaitable<Result<void>> write(std::string_view piece) = 0;
};
/// Writes a whole body. After an error the last chunk is not sent, so that the client sees that something is missing;
/// it is logged unless the client is gone.
using BodyStream = std::function<awaitable<Result<void>>(BodyWriter&)>;

struct ServerResponse {
  int status = 200;
  HttpHeaders headers;  ///< Content-Length, Date, Connection are added
  std::string body;
  BodyStream stream;  ///< if set, sent chunked instead of `body`; on cancellation (client gone, shutdown) it throws as
                      ///< any wait does
  WebSocketTalk websocket;  ///< if set, the connection becomes a websocket, and the rest of this is not looked at; 426
                            ///< if the client did not ask for one
};
using RequestHandler = std::function<awaitable<ServerResponse>(ServerRequest)>;
/// Hears of an answer that no handler gave, before it is sent; may add headers. Of the request it gets what is known:
/// the client's address, and no method where the request could not be read.
using OwnAnswerHook = std::function<void(const ServerRequest&, ServerResponse&)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one, see HttpServer::port()
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_body_bytes = std::size_t{64} << 20;
  /// A newcomer beyond them takes the place of one that waits for a request: the oldest that never sent a whole one, or
  /// else the longest idle. If all are being answered, it is answered 503 and closed.
  std::size_t max_connections = 1024;
  Duration header_timeout = std::chrono::seconds(30);  ///< 10 s at most for a connection's first request
  Duration body_timeout = std::chrono::seconds(60);
  Duration idle_timeout = std::chrono::seconds(120);
  Duration request_timeout = std::chrono::minutes(5);  ///< for the handler; not for streams
  Duration write_timeout = std::chrono::seconds(60);   ///< for one piece to a client that does not read
  WebSocketLimits websocket;
  OwnAnswerHook on_own_answer;
  /// PEM file paths. With both, a connection whose first byte is a TLS handshake is served over TLS (≥ 1.2), on the
  /// same port.
  std::string tls_certificate;
  std::string tls_key;
  bool tls_only = false;
};

/// Whether a server could serve TLS with these files. Errors: invalid, naming the file.
Result<void> check_certificate(const std::string& certificate_file, const std::string& key_file);

/// HTTP/1.1 server on Beast: keep-alive, pipelining one at a time, limits and time-outs above. Malformed requests are
/// answered 400, too large 431/413, and closed. A handler that throws is answered 500 and logged.
class HttpServer {
 public:
  HttpServer(Runtime& runtime, Logger log, HttpServerOptions options, RequestHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and starts serving. Errors: invalid (address, certificate), failed (bind, with the system's text).
  Result<void> start();
  std::uint16_t port() const;
  /// Reads certificate and key anew for new connections.
  Result<void> reload_certificate();
  /// Stops accepting, cancels what runs, waits until the last connection is closed.
  awaitable<void> stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
