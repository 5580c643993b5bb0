#include "connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "header_rules.hpp"

namespace berth {

namespace {
constexpr std::size_t head_read_size = std::size_t{8} << 10;
constexpr std::size_t body_read_size = std::size_t{64} << 10;
constexpr std::size_t write_size = std::size_t{64} << 10;    // a slow client needs to take this much in write_timeout
constexpr std::size_t small_body = std::size_t{16} << 10;    // is sent in one piece with its head
constexpr Duration farewell_time = std::chrono::seconds(2);  // for the peer to close after our last words

/// So that what the handler throws before its first wait is caught like the rest.
awaitable<ServerResponse> run_handler(const RequestHandler& handler, ServerRequest request) {
  co_return co_await handler(std::move(request));
}

/// What is told of a request once its handler has it.
ServerRequest without_body(const ServerRequest& request) {
  ServerRequest outline;
  outline.method = request.method;
  outline.target = request.target;
  outline.path = request.path;
  outline.query = request.query;
  outline.headers = request.headers;
  outline.tls = request.tls;
  outline.host = request.host;
  return outline;
}

awaitable<Result<void>> run_stream(BodyStream stream, BodyWriter& writer) {
  co_return co_await stream(writer);
}

awaitable<void> run_talk(const WebSocketTalk& talk, WebSocket& socket) {
  co_await talk(socket);
}

/// Empty for a cancellation.
std::string bug_in(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted ? "" : e.what();
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}
}  // namespace

class Connection::StreamWriter final : public BodyWriter {
 public:
  StreamWriter(Connection& connection, bool chunked) : connection_(connection), chunked_(chunked) {}

  awaitable<Result<void>> write(std::string_view piece) override {
    while (!piece.empty()) {
      const std::string_view part = piece.substr(0, write_size);
      piece.remove_prefix(part.size());
      std::string chunk = chunked_ ? format_chunk(part) : std::string(part);
      auto written = co_await connection_.write(chunk);
      if (!written) co_return fail(std::move(written.error()));
    }
    co_return Result<void>{};
  }

 private:
  Connection& connection_;
  const bool chunked_;
};

Connection::Connection(ServerContext& server, std::unique_ptr<Transport> transport, std::string remote_address)
    : server_(server),
      transport_(std::move(transport)),
      remote_address_(std::move(remote_address)),
      buffer_(server.options.max_header_bytes + body_read_size),
      waits_since_(server.runtime.now()) {}

std::optional<Connection::Idleness> Connection::idleness() const {
  if (aborted_ || !waits_since_) return std::nullopt;
  return Idleness{has_served_, *waits_since_};
}

Duration Connection::head_limit() const {
  const Duration limit = server_.options.header_timeout;
  return has_served_ ? limit : std::min(limit, first_request_timeout);
}

void Connection::set_deadline(Duration limit, OnDeadline what) {
  deadline_ = server_.runtime.now() + limit;
  on_deadline_ = what;
}

void Connection::check_deadline(SteadyTime now) {
  if (!deadline_ || now < *deadline_) return;
  clear_deadline();
  if (on_deadline_ == OnDeadline::close) {
    transport_->close();
  } else {
    work_late_ = true;
    cancel_work();
  }
}

void Connection::abort() {
  aborted_ = true;
  cancel_work();
  transport_->close();
}

void Connection::cancel_work() {
  if (const auto work = work_) work->emit(asio::cancellation_type::terminal);
}

awaitable<bool> Connection::accept() {
  set_deadline(head_limit(), OnDeadline::close);
  const auto accepted = co_await transport_->accept();
  if (!accepted) {
    server_.log.debug("connection failed", {{"remoteAddr", remote_address_}, {"error", accepted.error().message}});
  }
  co_return accepted.has_value();
}

awaitable<void> Connection::serve(std::shared_ptr<Connection> self) {
  bool more = co_await self->accept();
  while (more && !self->aborted_) more = co_await self->serve_one();
  self->transport_->close();
}

awaitable<void> Connection::refuse(std::shared_ptr<Connection> self) {
  self->waits_since_.reset();
  if (co_await self->accept()) {
    const ServerResponse response = self->own_answer({}, 503, "too many connections");
    ResponseFraming framing;
    framing.keep_alive = false;
    co_await self->respond(response, framing);
  }
  self->transport_->close();
}

awaitable<bool> Connection::serve_one() {
  if (has_served_) waits_since_ = server_.runtime.now();
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(server_.options.max_header_bytes));
  parser.body_limit(server_.options.max_body_bytes);
  if (const auto error = co_await read_head(parser)) co_return co_await refuse_request(error);
  if (auto checked = check_head(parser); !checked) co_return co_await answer_refusal(checked.error());
  if (const auto error = co_await read_body(parser)) co_return co_await refuse_request(error);
  clear_deadline();
  waits_since_.reset();
  has_served_ = true;
  ResponseFraming framing;
  framing.http_1_1 = parser.get().version() >= 11;
  framing.keep_alive = parser.keep_alive();
  framing.head = parser.get().method() == http::verb::head;
  auto upgrade = upgrade_of(parser.get());
  auto request = to_server_request(parser.release());
  if (!request) co_return co_await answer_refusal(request.error());
  request->remote_address = remote_address_;
  request->tls = transport_->is_tls();
  const ServerRequest outline = without_body(*request);
  const auto response = co_await call_handler(std::move(*request), outline);
  if (!response) co_return false;
  if (response->websocket) co_return co_await converse(response->websocket, std::move(upgrade), outline);
  co_return co_await respond(*response, framing);
}

awaitable<beast::error_code> Connection::read_head(RequestParser& parser) {
  if (buffer_.size() == 0) {
    if (!deadline_) set_deadline(server_.options.idle_timeout, OnDeadline::close);  // not the connection's first
    if (const auto error = co_await fill_buffer(head_read_size)) co_return error;
  }
  if (has_served_) set_deadline(head_limit(), OnDeadline::close);
  for (;;) {
    beast::error_code error;
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error && error != http::error::need_more) co_return error;
    if (parser.is_header_done()) co_return beast::error_code{};
    if (const auto failed = co_await fill_buffer(head_read_size)) co_return failed;
  }
}

awaitable<beast::error_code> Connection::read_body(RequestParser& parser) {
  if (parser.is_done()) co_return beast::error_code{};
  set_deadline(server_.options.body_timeout, OnDeadline::close);
  if (buffer_.size() == 0 && parser.get().count(http::field::expect) > 0) {
    if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return http::error::end_of_stream;
    set_deadline(server_.options.body_timeout, OnDeadline::close);
  }
  parser.eager(true);
  bool hungry = buffer_.size() == 0;
  while (!parser.is_done()) {
    if (hungry) {
      if (const auto failed = co_await fill_buffer(body_read_size)) co_return failed;
    }
    beast::error_code error;
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error && error != http::error::need_more) co_return error;
    hungry = error || buffer_.size() == 0;
  }
  co_return beast::error_code{};
}

awaitable<beast::error_code> Connection::fill_buffer(std::size_t at_most) {
  if (watching_) {
    const std::size_t before = buffer_.size();
    Subscription ended = watch_ended_.subscribe();
    co_await ended.wait();
    if (buffer_.size() > before) co_return beast::error_code{};
  }
  const std::size_t size = std::min(at_most, buffer_.max_size() - buffer_.size());
  if (size == 0) co_return http::error::buffer_overflow;
  const auto space = buffer_.prepare(size);
  const auto got = co_await transport_->read_some(static_cast<char*>(space.data()), size);
  if (!got || *got == 0) co_return http::error::end_of_stream;
  buffer_.commit(*got);
  co_return beast::error_code{};
}

awaitable<bool> Connection::refuse_request(beast::error_code error) {
  if (error == http::error::end_of_stream) co_return false;  // the client is gone, or too slow
  const HttpRefusal refusal = refusal_for(error);
  co_return co_await answer_refusal(refusal);
}

ServerResponse Connection::own_answer(ServerRequest request, int status, std::string_view reason) const {
  ServerResponse response = plain_response(status, reason);
  request.remote_address = remote_address_;
  if (server_.options.on_own_answer) server_.options.on_own_answer(request, response);
  return response;
}

awaitable<bool> Connection::answer_refusal(const HttpRefusal& refusal, const ServerRequest& request) {
  const ServerResponse response = own_answer(request, refusal.status, refusal.reason);
  ResponseFraming framing;
  framing.keep_alive = false;
  co_return co_await respond(response, framing);
}

awaitable<std::optional<ServerResponse>> Connection::call_handler(ServerRequest request, const ServerRequest& outline) {
  work_ = std::make_shared<asio::cancellation_signal>();
  work_late_ = false;
  set_deadline(server_.options.request_timeout, OnDeadline::cancel_work);
  auto token = asio::bind_cancellation_slot(work_->slot(), asio::as_tuple(asio::use_awaitable));
  auto call = run_handler(server_.handler, std::move(request));
  auto [thrown, response] = co_await asio::co_spawn(server_.tasks.executor(), std::move(call), std::move(token));
  work_.reset();
  clear_deadline();
  if (aborted_) co_return std::nullopt;
  if (!thrown && are_valid(response.headers)) co_return std::move(response);
  if (thrown && work_late_) {
    server_.log.warn("request took too long", {{"reqPath", outline.path}});
    co_return own_answer(outline, 503, "the request took too long");
  }
  std::string bug = thrown ? bug_in(thrown) : "a header of the response would break its line";
  if (bug.empty()) bug = "the handler was cancelled";
  server_.log.error("request handler failed", {{"reqPath", outline.path}, {"error", bug}});
  co_return own_answer(outline, 500);
}

awaitable<bool> Connection::respond(const ServerResponse& response, ResponseFraming framing) {
  const bool has_body = allows_body(response.status) && !framing.head;
  const bool streams = response.stream && has_body;
  if (streams && !framing.http_1_1) framing.keep_alive = false;  // the end of the connection is the end of the body
  std::string head = format_response_head(response, framing, server_.runtime.wall_now());
  if (streams) {
    if (!co_await write(head)) co_return false;
    if (!co_await send_stream(response, framing.http_1_1)) co_return false;
    if (framing.keep_alive && !overrun_) co_return true;
    co_await finish();
    co_return false;
  }
  const std::string_view body = has_body ? std::string_view(response.body) : std::string_view();
  const bool at_once = body.size() <= small_body;
  if (at_once) head += body;
  auto written = co_await write(head);
  if (written && !at_once) written = co_await write(body);
  if (!written) co_return false;
  if (!framing.keep_alive) co_await finish();
  co_return framing.keep_alive;
}

awaitable<bool> Connection::converse(const WebSocketTalk& talk, std::optional<UpgradeRequest> upgrade,
                                     const ServerRequest& request) {
  const HttpRefusal no_websocket{426, "only a websocket is served here"};
  if (!upgrade) co_return co_await answer_refusal(no_websocket, request);
  const HttpRefusal early_data{400, "data came before the upgrade was answered"};
  if (buffer_.size() > 0 || watching_) co_return co_await answer_refusal(early_data, request);
  set_deadline(server_.options.write_timeout, OnDeadline::close);
  auto opened = co_await transport_->upgrade(std::move(*upgrade), server_.options.websocket);
  clear_deadline();
  if (!opened || aborted_) co_return false;
  work_ = std::make_shared<asio::cancellation_signal>();
  auto token = asio::bind_cancellation_slot(work_->slot(), asio::as_tuple(asio::use_awaitable));
  auto [thrown] = co_await asio::co_spawn(server_.tasks.executor(), run_talk(talk, **opened), std::move(token));
  work_.reset();
  if (const std::string bug = thrown ? bug_in(thrown) : ""; !bug.empty())
    server_.log.error("websocket failed", {{"error", bug}});
  co_return false;
}

awaitable<bool> Connection::send_stream(const ServerResponse& response, bool chunked) {
  clear_deadline();
  work_ = std::make_shared<asio::cancellation_signal>();
  streaming_ = true;
  if (!std::exchange(watching_, true)) server_.tasks.spawn(watch_peer(shared_from_this()));
  StreamWriter writer(*this, chunked);
  auto token = asio::bind_cancellation_slot(work_->slot(), asio::as_tuple(asio::use_awaitable));
  auto stream = run_stream(response.stream, writer);
  auto [thrown, sent] = co_await asio::co_spawn(server_.tasks.executor(), std::move(stream), std::move(token));
  work_.reset();
  bool whole = !thrown && sent && !aborted_ && !peer_gone_;
  if (thrown || !sent) {
    const std::string why = thrown ? bug_in(thrown) : peer_gone_ || aborted_ ? "" : sent.error().message;
    if (!why.empty()) server_.log.error("response stream failed", {{"error", why}});
  }
  if (whole && chunked) whole = (co_await write("0\r\n\r\n")).has_value();
  streaming_ = false;
  if (!whole) transport_->close();
  co_return whole;
}

awaitable<void> Connection::watch_peer(std::shared_ptr<Connection> self) {
  std::array<char, head_read_size> bytes;
  while (self->streaming_) {
    const std::size_t room = std::min(bytes.size(), self->buffer_.max_size() - self->buffer_.size());
    self->overrun_ = self->overrun_ || room == 0;
    const auto got = co_await self->transport_->read_some(bytes.data(), room > 0 ? room : bytes.size());
    if (!got || *got == 0) {
      self->peer_gone_ = self->streaming_;  // else the next read finds out
      break;
    }
    if (self->overrun_) continue;
    std::memcpy(self->buffer_.prepare(*got).data(), bytes.data(), *got);
    self->buffer_.commit(*got);
  }
  self->watching_ = false;
  self->watch_ended_.notify();
  if (self->peer_gone_) self->cancel_work();
}

awaitable<Result<void>> Connection::write(std::string_view data) {
  while (!data.empty()) {
    if (peer_gone_ || aborted_) co_return fail(ErrorKind::network, "the client is gone");
    set_deadline(server_.options.write_timeout, OnDeadline::close);
    const auto written = co_await transport_->write_some(data.substr(0, write_size));
    clear_deadline();
    if (!written) co_return fail(written.error());
    data.remove_prefix(*written);
  }
  co_return Result<void>{};
}

awaitable<void> Connection::finish() {
  set_deadline(farewell_time, OnDeadline::close);
  co_await transport_->finish();
  clear_deadline();
}

}  // namespace berth
