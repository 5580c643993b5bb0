#include <algorithm>
#include <curl/curl.h>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>

#include "berth/base/deadline.hpp"
#include "berth/base/name_lookup.hpp"

#include "websocket_stream.hpp"

namespace berth {
namespace {

namespace ssl = asio::ssl;
using asio::ip::tcp;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

struct Address {
  bool tls = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string authority;  // for the header Host
  std::string target;
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

Result<Address> parse(const std::string& text) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  const bool sound = text.find_first_of(std::string_view("\0\r\n ", 4)) == std::string::npos;
  if (!sound || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return fail(ErrorKind::invalid, "the websocket's URL is malformed");
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  if (scheme != "ws" && scheme != "wss")
    return fail(ErrorKind::invalid, "the websocket's URL begins with neither ws:// nor wss://");
  Address out;
  out.tls = scheme == "wss";
  out.host = part(url.get(), CURLUPART_HOST);
  const std::string port = part(url.get(), CURLUPART_PORT);
  out.authority = out.host + (port.empty() ? "" : ':' + port);
  out.port = static_cast<std::uint16_t>(port.empty() ? (out.tls ? 443 : 80) : std::stoi(port));
  if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.find_first_of("%]") - 1);
  const std::string query = part(url.get(), CURLUPART_QUERY);
  out.target = part(url.get(), CURLUPART_PATH) + (query.empty() ? "" : '?' + query);
  return out;
}

/// What a client's websocket stands on.
struct Connection {
  explicit Connection(const asio::any_io_executor& executor) : socket(executor), context(ssl::context::tls_client) {}
  tcp::socket socket;
  ssl::context context;
  std::optional<ssl::stream<tcp::socket&>> tls;
};

using Opened = Result<std::unique_ptr<WebSocket>>;

class Opening {
 public:
  Opening(Runtime& runtime, Address address, WebSocketClientOptions options)
      : runtime_(runtime), address_(std::move(address)), options_(std::move(options)) {}

  static awaitable<Opened> run(std::shared_ptr<Opening> self) {
    self->connection_ = std::make_shared<Connection>(co_await asio::this_coro::executor);
    if (auto connected = co_await self->connect(); !connected) co_return fail(connected.error());
    if (!self->address_.tls) co_return co_await self->upgrade(self->connection_->socket);
    if (auto secured = co_await self->secure(); !secured) co_return fail(secured.error());
    co_return co_await self->upgrade(*self->connection_->tls);
  }

 private:
  awaitable<Result<void>> connect() {
    const std::string host = options_.connect_to.empty() ? address_.host : options_.connect_to;
    auto addresses = co_await look_up_host(runtime_, host);
    if (!addresses) co_return fail(addresses.error());
    Result<void> connected = fail(ErrorKind::network, "no address");
    for (const std::string& numeric : *addresses) {
      boost::system::error_code error;
      const auto address = asio::ip::make_address(numeric, error);
      if (error) continue;
      connection_->socket = tcp::socket(connection_->socket.get_executor());
      auto [refused] = co_await connection_->socket.async_connect({address, address_.port}, as_result);
      connected =
          refused ? Result<void>(fail(ErrorKind::network, "cannot connect: " + refused.message())) : Result<void>{};
      if (!connected) continue;
      connection_->socket.set_option(tcp::no_delay(true), error);
      connection_->socket.set_option(tcp::socket::keep_alive(true), error);
      break;
    }
    co_return connected;
  }

  awaitable<Result<void>> secure() {
    ssl::context& context = connection_->context;
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    boost::system::error_code error;
    if (options_.insecure_tls)
      context.set_verify_mode(ssl::verify_none, error);
    else if (options_.ca_file.empty())
      context.set_default_verify_paths(error);
    else
      context.load_verify_file(options_.ca_file, error);
    if (error) co_return fail(ErrorKind::invalid, "CA certificates " + options_.ca_file + ": " + error.message());
    auto& tls = connection_->tls.emplace(connection_->socket, context);
    if (!options_.insecure_tls) {
      tls.set_verify_mode(ssl::verify_peer);
      tls.set_verify_callback(ssl::host_name_verification(address_.host));
    }
    asio::ip::make_address(address_.host, error);
    if (error) SSL_set_tlsext_host_name(tls.native_handle(), address_.host.c_str());
    auto [failed] = co_await tls.async_handshake(ssl::stream_base::client, as_result);
    if (failed) co_return fail(ErrorKind::network, "TLS: " + failed.message());
    co_return Result<void>{};
  }

  template <class Next>
  awaitable<Opened> upgrade(Next& next) {
    auto socket = std::make_unique<BeastWebSocket<Next>>(next, beast::role_type::client, options_.limits, connection_);
    beast::websocket::response_type answer;
    auto [error] = co_await socket->stream().async_handshake(answer, address_.authority, address_.target, as_result);
    if (!error) co_return std::unique_ptr<WebSocket>(std::move(socket));
    if (error != beast::websocket::error::upgrade_declined)
      co_return fail(error == beast::error::timeout ? ErrorKind::timeout : ErrorKind::network, error.message());
    const int status = answer.result_int();
    ErrorKind kind = status == 401 || status == 403 ? ErrorKind::denied : ErrorKind::failed;
    if (status == 503) kind = ErrorKind::unavailable;
    co_return fail(kind, "no upgrade, but HTTP status " + std::to_string(status));
  }

  Runtime& runtime_;
  const Address address_;
  const WebSocketClientOptions options_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

awaitable<Opened> open_websocket(Runtime& runtime, std::string url, WebSocketClientOptions options) {
  auto address = parse(url);
  if (!address) co_return fail(address.error());
  const std::string name = "websocket " + address->authority;
  const Duration deadline = options.deadline;
  auto opening = std::make_shared<Opening>(runtime, std::move(*address), std::move(options));
  auto opened = co_await with_deadline(runtime, deadline, Opening::run(std::move(opening)));
  if (!opened) co_return fail(opened.error().within(name));
  co_return opened;
}

}  // namespace berth
