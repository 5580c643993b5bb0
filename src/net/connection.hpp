#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/cancellation_signal.hpp>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"
#include "berth/net/http_server.hpp"

#include "beast.hpp"
#include "request_rules.hpp"
#include "response_head.hpp"
#include "transport.hpp"

namespace berth {

/// What the connections of a server share. Outlives them.
struct ServerContext {
  Runtime& runtime;
  Logger log;
  HttpServerOptions options;
  RequestHandler handler;
  TaskGroup tasks;  ///< on the server's strand
};

/// One client: reads requests, lets the handler answer them, one at a time. Lives on the server's strand. Its time-outs
/// cost nothing while it works: it notes a deadline, and the server calls check_deadline() on all connections now and
/// then.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerContext& server, std::unique_ptr<Transport> transport, std::string remote_address);

  /// For handshake and head of the first request together, if header_timeout is not shorter.
  static constexpr Duration first_request_timeout = std::chrono::seconds(10);

  /// How readily it is closed to make room for a newcomer: those that never sent a whole request first, then those that
  /// have waited longest for one. Nothing while a request is being answered.
  struct Idleness {
    bool has_served = false;
    SteadyTime since{};
    auto operator<=>(const Idleness&) const = default;
  };
  std::optional<Idleness> idleness() const;

  /// The whole life of the connection.
  static awaitable<void> serve(std::shared_ptr<Connection> self);
  /// The whole life of one connection too many: answers 503.
  static awaitable<void> refuse(std::shared_ptr<Connection> self);
  /// Ends what waits for longer than it may.
  void check_deadline(SteadyTime now);
  /// Cancels the handler and closes the connection.
  void abort();

 private:
  class StreamWriter;
  enum class OnDeadline { close, cancel_work };

  Duration head_limit() const;
  void set_deadline(Duration limit, OnDeadline what);
  void clear_deadline() { deadline_.reset(); }
  void cancel_work();

  awaitable<bool> accept();
  /// Reads, answers. Says whether the connection may take another request.
  awaitable<bool> serve_one();
  awaitable<beast::error_code> read_head(RequestParser& parser);
  awaitable<beast::error_code> read_body(RequestParser& parser);
  awaitable<beast::error_code> fill_buffer(std::size_t at_most);
  awaitable<bool> refuse_request(beast::error_code error);
  awaitable<bool> answer_refusal(const HttpRefusal& refusal, const ServerRequest& request = {});
  /// An answer of the server's own. `request`: what is known of it.
  ServerResponse own_answer(ServerRequest request, int status, std::string_view reason = {}) const;
  /// Nothing if the connection was aborted meanwhile.
  /// `outline`: the request without its body.
  awaitable<std::optional<ServerResponse>> call_handler(ServerRequest request, const ServerRequest& outline);
  awaitable<bool> respond(const ServerResponse& response, ResponseFraming framing);
  /// The rest of the connection's life is a websocket's.
  awaitable<bool> converse(const WebSocketTalk& talk, std::optional<UpgradeRequest> upgrade,
                           const ServerRequest& request);
  /// Says whether the whole body was sent.
  awaitable<bool> send_stream(const ServerResponse& response, bool chunked);
  awaitable<Result<void>> write(std::string_view data);
  /// Notices that the client goes away while a stream may have nothing to write. Keeps what it sends meanwhile. Its
  /// last read may outlast the stream: fill_buffer() waits for it.
  static awaitable<void> watch_peer(std::shared_ptr<Connection> self);
  awaitable<void> finish();

  ServerContext& server_;
  const std::unique_ptr<Transport> transport_;
  const std::string remote_address_;
  beast::flat_buffer buffer_;
  std::optional<SteadyTime> deadline_;
  OnDeadline on_deadline_ = OnDeadline::close;
  std::shared_ptr<asio::cancellation_signal> work_;  // of the handler or stream under way
  bool work_late_ = false;                           // it was cancelled by its deadline
  bool aborted_ = false;
  bool has_served_ = false;
  std::optional<SteadyTime> waits_since_;  // for a whole request
  bool peer_gone_ = false;
  bool streaming_ = false;
  bool watching_ = false;  // watch_peer() reads; nobody else may
  Signal watch_ended_;
  bool overrun_ = false;  // during a stream the client sent more than is kept
};

}  // namespace berth
