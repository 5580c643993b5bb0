#include "dial.hpp"

#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/deadline.hpp"
#include "berth/base/name_lookup.hpp"

namespace berth {
namespace {

using asio::ip::tcp;
using Endpoints = std::vector<tcp::endpoint>;

awaitable<Result<Endpoints>> resolve(Runtime& runtime, SshEndpoint wanted) {
  const auto addresses = co_await look_up_host(runtime, wanted.host);
  if (!addresses) co_return fail(addresses.error());
  Endpoints endpoints;
  for (const std::string& address : *addresses) {
    boost::system::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(address, error), wanted.port);
    if (!error) endpoints.push_back(endpoint);
  }
  co_return endpoints;
}

awaitable<Result<Fd>> connect_to(tcp::endpoint endpoint) {
  tcp::socket socket(co_await asio::this_coro::executor);
  boost::system::error_code error;
  co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error) co_return fail(ErrorKind::network, "cannot connect: " + error.message());
  socket.set_option(tcp::no_delay(true), error);
  co_return Fd(socket.release(error));
}

}  // namespace

awaitable<Result<Fd>> dial(Runtime& runtime, SshEndpoint endpoint, Duration deadline) {
  const SteadyTime end = runtime.now() + deadline;
  auto endpoints = co_await with_deadline(runtime, deadline, resolve(runtime, endpoint));
  if (!endpoints) co_return fail(endpoints.error());
  Result<Fd> connected = fail(ErrorKind::network, "no address");
  for (std::size_t i = 0; i < endpoints->size() && !connected; ++i) {
    const auto share = (end - runtime.now()) / static_cast<std::int64_t>(endpoints->size() - i);
    connected = co_await with_deadline(runtime, share, connect_to((*endpoints)[i]));
  }
  if (!connected && connected.error().kind == ErrorKind::timeout)
    connected.error().message = "cannot connect: no answer within the deadline";
  co_return connected;
}

}  // namespace berth
