#include "berth/net/http_server.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"

#include "connection.hpp"
#include "socket_transport.hpp"
#include "tls_context.hpp"

namespace berth {

using asio::ip::tcp;

namespace {
constexpr Duration accept_pause = std::chrono::milliseconds(100);  // when the process has no descriptor left

/// `1.2.3.4:80`, `[::1]:80`.
std::string format_endpoint(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(endpoint.port());
}

/// The first IPv4 address, as Go's library has it, or else the first.
tcp::endpoint preferred(const tcp::resolver::results_type& found) {
  const auto v4 =
      std::find_if(found.begin(), found.end(), [](const auto& e) { return e.endpoint().address().is_v4(); });
  return v4 != found.end() ? v4->endpoint() : found.begin()->endpoint();
}

/// How often deadlines are looked at: they may come this much late.
Duration sweep_interval(const HttpServerOptions& options) {
  const Duration shortest = std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                                      options.request_timeout, options.write_timeout});
  return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(5), std::chrono::seconds(1));
}
}  // namespace

Result<void> check_certificate(const std::string& certificate_file, const std::string& key_file) {
  const auto context = make_tls_context(certificate_file, key_file);
  if (!context) return fail(context.error());
  return {};
}

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Runtime& runtime, Logger log, HttpServerOptions options, RequestHandler handler)
      : context_{runtime, std::move(log), std::move(options), std::move(handler), TaskGroup(runtime.make_strand())},
        acceptor_(context_.tasks.executor()) {}

  Result<void> start();
  Result<void> load_certificate();
  std::uint16_t port() const { return port_; }
  static awaitable<void> stop(std::shared_ptr<Impl> self);
  const asio::any_io_executor& strand() const { return context_.tasks.executor(); }

 private:
  /// Connections beyond the limit are told so, up to this factor; then they are just closed.
  static constexpr std::size_t overload_factor = 2;

  Result<void> listen();
  static awaitable<void> accept_clients(std::shared_ptr<Impl> self);
  void admit(tcp::socket socket);
  /// Closes the connection that is idle most; false if none is.
  bool make_room();
  static awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Connection> connection, bool overloaded);
  static awaitable<void> watch_deadlines(std::shared_ptr<Impl> self);

  ServerContext context_;
  tcp::acceptor acceptor_;
  std::atomic<std::uint16_t> port_ = 0;
  CurrentTlsContext tls_;
  std::set<std::shared_ptr<Connection>> connections_;
  Signal arrived_;
};

Result<void> HttpServer::Impl::load_certificate() {
  const auto& options = context_.options;
  if (options.tls_certificate.empty() && options.tls_key.empty()) {
    if (options.tls_only) return fail(ErrorKind::invalid, "TLS needs a certificate and a key");
    return {};
  }
  auto context = make_tls_context(options.tls_certificate, options.tls_key);
  if (!context) return fail(std::move(context.error()));
  tls_.set(std::move(*context));
  return {};
}

Result<void> HttpServer::Impl::listen() {
  const auto& options = context_.options;
  boost::system::error_code error;
  tcp::resolver resolver(context_.runtime.executor());
  const auto endpoints = resolver.resolve(options.address, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || endpoints.empty()) {
    return fail(ErrorKind::invalid, "listen address \"" + options.address + "\": " + error.message());
  }
  const tcp::endpoint endpoint = preferred(endpoints);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return fail(ErrorKind::failed, "listen on " + format_endpoint(endpoint) + ": " + error.message());
  }
  port_ = acceptor_.local_endpoint().port();
  return {};
}

Result<void> HttpServer::Impl::start() {
  if (auto loaded = load_certificate(); !loaded) return loaded;
  if (auto listening = listen(); !listening) return listening;
  asio::post(strand(), [self = shared_from_this()] {
    self->context_.tasks.spawn(accept_clients(self));
    self->context_.tasks.spawn(watch_deadlines(self));
  });
  return {};
}

awaitable<void> HttpServer::Impl::accept_clients(std::shared_ptr<Impl> self) {
  while (self->acceptor_.is_open()) {
    auto [error, socket] = co_await self->acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      self->admit(std::move(socket));
    } else if (self->acceptor_.is_open() && error != asio::error::connection_aborted) {
      self->context_.log.warn("cannot accept a connection", {{"error", error.message()}});
      co_await self->context_.runtime.sleep_for(accept_pause);
    }
  }
}

void HttpServer::Impl::admit(tcp::socket socket) {
  const std::size_t limit = context_.options.max_connections;
  if (connections_.size() >= limit * overload_factor) return;
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return;  // gone already
  auto transport = std::make_unique<SocketTransport>(std::move(socket), tls_.get(), context_.options.tls_only);
  auto connection = std::make_shared<Connection>(context_, std::move(transport), format_endpoint(peer));
  const bool overloaded = connections_.size() >= limit && !make_room();
  connections_.insert(connection);
  if (connections_.size() == 1) arrived_.notify();
  context_.tasks.spawn(serve(shared_from_this(), connection, overloaded));
}

bool HttpServer::Impl::make_room() {
  std::shared_ptr<Connection> most_idle;
  std::optional<Connection::Idleness> most;
  for (const auto& connection : connections_) {
    const auto idleness = connection->idleness();
    if (!idleness || (most && *most <= *idleness)) continue;
    most = idleness;
    most_idle = connection;
  }
  if (!most_idle) return false;
  most_idle->abort();
  return true;
}

awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<Connection> connection,
                                        bool overloaded) {
  struct Leave {
    Impl& server;
    const std::shared_ptr<Connection>& connection;
    ~Leave() { server.connections_.erase(connection); }
  };
  const Leave leave{*self, connection};
  co_await (overloaded ? Connection::refuse(connection) : Connection::serve(connection));
}

awaitable<void> HttpServer::Impl::watch_deadlines(std::shared_ptr<Impl> self) {
  Runtime& runtime = self->context_.runtime;
  const Duration interval = sweep_interval(self->context_.options);
  auto arrived = self->arrived_.subscribe();
  for (;;) {
    if (self->connections_.empty()) co_await arrived.wait();
    co_await runtime.sleep_for(interval);
    const auto connections = self->connections_;
    for (const auto& connection : connections) connection->check_deadline(runtime.now());
  }
}

awaitable<void> HttpServer::Impl::stop(std::shared_ptr<Impl> self) {
  boost::system::error_code ignored;
  self->acceptor_.close(ignored);
  const auto connections = self->connections_;
  for (const auto& connection : connections) connection->abort();
  co_await self->context_.tasks.stop();
}

HttpServer::HttpServer(Runtime& runtime, Logger log, HttpServerOptions options, RequestHandler handler)
    : impl_(std::make_shared<Impl>(runtime, std::move(log), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::start() {
  return impl_->start();
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}

Result<void> HttpServer::reload_certificate() {
  return impl_->load_certificate();
}

awaitable<void> HttpServer::stop() {
  return call_on(impl_->strand(), Impl::stop(impl_));
}

}  // namespace berth
