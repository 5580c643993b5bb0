#include "berth/base/name_lookup.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include "berth/base/signal.hpp"

#include "lookup_threads.hpp"

namespace berth {
namespace {

constexpr std::size_t kMostAddresses = 8;

Result<std::vector<std::string>> blocking_look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0)
    return fail(ErrorKind::network, "host " + host + ": " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* info = found; info && addresses.size() < kMostAddresses; info = info->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(info->ai_addr, info->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    if (std::find(addresses.begin(), addresses.end(), text.data()) == addresses.end())
      addresses.emplace_back(text.data());
  }
  if (addresses.empty()) return fail(ErrorKind::network, "host " + host + " has no address");
  return addresses;
}

struct Lookup {
  Result<std::vector<std::string>> found;  // written before `done` is raised, read after
  Signal done;
};

}  // namespace

/// Not run_blocking: that one has to be waited for, and a look-up may hang for longer than the deadline.
awaitable<Result<std::vector<std::string>>> look_up_host(Runtime& runtime, std::string host) {
  boost::system::error_code not_numeric;
  (void)asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return std::vector<std::string>{std::move(host)};
  auto lookup = std::make_shared<Lookup>();
  auto done = lookup->done.subscribe();
  asio::post(lookup_executor(runtime), [weak = std::weak_ptr(lookup), host = std::move(host)] {
    if (weak.expired()) return;  // nobody waits any more
    auto found = blocking_look_up(host);
    const auto waited_for = weak.lock();
    if (!waited_for) return;
    waited_for->found = std::move(found);
    waited_for->done.notify();
  });
  co_await done.wait();
  co_return std::move(lookup->found);
}

}  // namespace berth
