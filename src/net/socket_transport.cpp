#include "socket_transport.hpp"

#include <array>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth {

namespace {
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr unsigned char tls_handshake_record = 0x16;

tl::unexpected<Error> network_error(const boost::system::error_code& error) {
  return fail(ErrorKind::network, error.message());
}

bool is_end(const boost::system::error_code& error) {
  return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}
}  // namespace

SocketTransport::SocketTransport(Socket socket, std::shared_ptr<asio::ssl::context> context, bool tls_only)
    : socket_(std::move(socket)), context_(std::move(context)), tls_only_(tls_only) {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

awaitable<Result<void>> SocketTransport::accept() {
  if (!context_) co_return Result<void>{};
  unsigned char first = 0;
  auto [error, size] = co_await socket_.async_receive(asio::buffer(&first, 1), Socket::message_peek, as_result);
  if (error) co_return network_error(error);
  if (first != tls_handshake_record) {
    if (tls_only_) co_return fail(ErrorKind::network, "the peer does not speak TLS");
    co_return Result<void>{};
  }
  tls_.emplace(socket_, *context_);
  auto [failure] = co_await tls_->async_handshake(asio::ssl::stream_base::server, as_result);
  if (failure) co_return network_error(failure);
  co_return Result<void>{};
}

awaitable<Result<std::size_t>> SocketTransport::read_some(char* data, std::size_t size) {
  const auto buffer = asio::buffer(data, size);
  auto [error, got] =
      tls_ ? co_await tls_->async_read_some(buffer, as_result) : co_await socket_.async_read_some(buffer, as_result);
  if (error && !is_end(error)) co_return network_error(error);
  co_return got;
}

awaitable<Result<std::size_t>> SocketTransport::write_some(std::string_view data) {
  const auto buffer = asio::buffer(data.data(), data.size());
  auto [error, written] =
      tls_ ? co_await tls_->async_write_some(buffer, as_result) : co_await socket_.async_write_some(buffer, as_result);
  if (error) co_return network_error(error);
  co_return written;
}

awaitable<void> SocketTransport::finish() {
  if (tls_) co_await tls_->async_shutdown(as_result);
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  std::array<char, 4096> rubbish;
  for (bool ended = false; !ended;) {
    auto [error, size] = co_await socket_.async_read_some(asio::buffer(rubbish), as_result);
    ended = bool(error);
  }
}

void SocketTransport::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace berth
