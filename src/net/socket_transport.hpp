#pragma once

#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "transport.hpp"

namespace berth {

/// TCP, with TLS if there is a context and the first byte is that of a TLS handshake.
class SocketTransport final : public Transport {
 public:
  using Socket = asio::ip::tcp::socket;
  SocketTransport(Socket socket, std::shared_ptr<asio::ssl::context> context, bool tls_only);

  awaitable<Result<void>> accept() override;
  awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) override;
  awaitable<Result<std::size_t>> write_some(std::string_view data) override;
  awaitable<void> finish() override;
  void close() override;
  bool is_tls() const override { return tls_.has_value(); }
  awaitable<Result<std::unique_ptr<WebSocket>>> upgrade(UpgradeRequest request, WebSocketLimits limits) override;

 private:
  Socket socket_;
  const std::shared_ptr<asio::ssl::context> context_;
  const bool tls_only_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
};

}  // namespace berth
