#include "socket_transport.hpp"
#include "websocket_stream.hpp"

namespace berth {
namespace {

template <class Next>
awaitable<Result<std::unique_ptr<WebSocket>>> accept_websocket(Next& next, UpgradeRequest request,
                                                               WebSocketLimits limits) {
  auto socket = std::make_unique<BeastWebSocket<Next>>(next, beast::role_type::server, limits, nullptr);
  auto [error] = co_await socket->stream().async_accept(request, asio::as_tuple(asio::use_awaitable));
  if (!error) co_return std::unique_ptr<WebSocket>(std::move(socket));
  co_return fail(ErrorKind::network, error.message());
}

}  // namespace

awaitable<Result<std::unique_ptr<WebSocket>>> SocketTransport::upgrade(UpgradeRequest request, WebSocketLimits limits) {
  if (tls_) return accept_websocket(*tls_, std::move(request), limits);
  return accept_websocket(socket_, std::move(request), limits);
}

}  // namespace berth
