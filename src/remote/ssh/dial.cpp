#include "dial.hpp"

#include <memory>
#include <netdb.h>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/deadline.hpp"
#include "berth/base/signal.hpp"

#include "lookup_threads.hpp"

namespace berth {
namespace {

using asio::ip::tcp;
using Endpoints = std::vector<tcp::endpoint>;
constexpr std::size_t max_endpoints = 8;

Result<Endpoints> look_up(const SshEndpoint& wanted) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(wanted.host.c_str(), nullptr, &hints, &list); error != 0)
    return fail(ErrorKind::network, "cannot look up " + wanted.host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  Endpoints found;
  for (const addrinfo* entry = list; entry != nullptr && found.size() < max_endpoints; entry = entry->ai_next) {
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(entry->ai_addrlen);
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(endpoint.data()));
    endpoint.port(wanted.port);
    found.push_back(endpoint);
  }
  if (found.empty()) return fail(ErrorKind::network, "no address for " + wanted.host);
  return found;
}

/// Not run_blocking: that one has to be waited for, and a lookup may hang for longer than the deadline.
awaitable<Result<Endpoints>> resolve(Runtime& runtime, SshEndpoint wanted) {
  boost::system::error_code not_numeric;
  const auto address = asio::ip::make_address(wanted.host, not_numeric);
  if (!not_numeric) co_return Endpoints{tcp::endpoint(address, wanted.port)};
  struct Lookup {
    Result<Endpoints> result{Endpoints{}};
    Signal done;
  };
  auto lookup = std::make_shared<Lookup>();
  auto done = lookup->done.subscribe();
  asio::post(lookup_executor(runtime), [weak = std::weak_ptr(lookup), wanted] {
    if (weak.expired()) return;  // nobody waits any more
    auto result = look_up(wanted);
    const auto waited_for = weak.lock();
    if (!waited_for) return;
    waited_for->result = std::move(result);
    waited_for->done.notify();
  });
  co_await done.wait();
  co_return lookup->result;
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
