#include "http.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "clock.hpp"

namespace berth::runner {
namespace {

Error network_error(int error) {
  return Error{ErrorKind::network, std::string("cannot reach the API: ") + std::strerror(error)};
}

/// Waits until the socket is ready for `events`.
Result<void> wait_for(const Fd& socket, short events, SteadyTime deadline) {
  for (;;) {
    pollfd item{socket.get(), events, 0};
    const int ready = ::poll(&item, 1, poll_timeout(deadline));
    if (ready > 0) return {};
    if (ready == 0) return fail(ErrorKind::timeout, "the API did not answer in time");
    if (errno != EINTR) return fail(network_error(errno));
  }
}

bool set_address(ApiUrl& url, const std::string& host, std::uint16_t port) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&url.address);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    url.address_size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&url.address);
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    url.address_size = sizeof *v6;
    return true;
  }
  return false;
}

}  // namespace

Result<ApiUrl> parse_api_url(std::string_view text) {
  if (text.starts_with("https://"))
    return fail(ErrorKind::unsupported,
                "https is not supported by berth-run: set BERTH_API_URL to a plain http:// address");
  if (!text.starts_with("http://")) return fail(ErrorKind::invalid, "the API's URL does not begin with http://");
  std::string_view authority = text.substr(7);
  authority = authority.substr(0, authority.find('/'));
  std::string_view host = authority;
  std::string_view port_text = "80";
  const auto bracket = authority.starts_with('[') ? authority.find(']') : authority.npos;
  if (bracket != authority.npos) {
    host = authority.substr(1, bracket - 1);
    const std::string_view rest = authority.substr(bracket + 1);
    if (!rest.empty() && rest[0] != ':') return fail(ErrorKind::invalid, "the API's URL has a bad port");
    if (!rest.empty()) port_text = rest.substr(1);
  } else if (const auto colon = authority.rfind(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    port_text = authority.substr(colon + 1);
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port == 0)
    return fail(ErrorKind::invalid, "the API's URL has a bad port");
  ApiUrl url;
  url.authority = authority;
  if (!set_address(url, host == "localhost" ? "127.0.0.1" : std::string(host), port))
    return fail(ErrorKind::unsupported,
                "the API's address must be numeric for berth-run, not \"" + std::string(host) + '"');
  return url;
}

bool HttpClient::usable() const {
  if (!connection_) return false;
  pollfd item{connection_.get(), POLLIN, 0};
  return ::poll(&item, 1, 0) == 0;
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, Duration limit) {
  const SteadyTime deadline = steady_now() + limit;
  if (!usable())
    if (auto connected = connect(deadline); !connected) return fail(connected.error());
  std::string text;
  text.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(url_.authority);
  text.append("\r\nAuthorization: Bearer ").append(token_).append("\r\nUser-Agent: berth-run\r\n");
  if (!request.content_type.empty()) text.append("Content-Type: ").append(request.content_type).append("\r\n");
  if (request.method != "GET")
    text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  text.append("\r\n").append(request.body);
  auto written = write(text, deadline);
  auto response = written ? read(deadline) : Result<HttpResponse>(fail(written.error()));
  if (!response) connection_ = Fd();
  return response;
}

Result<void> HttpClient::connect(SteadyTime deadline) {
  connection_ = Fd(::socket(url_.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection_) return fail(network_error(errno));
  const int on = 1;
  ::setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(connection_.get(), reinterpret_cast<const sockaddr*>(&url_.address), url_.address_size) == 0) return {};
  int error = errno;
  if (error == EINPROGRESS) {
    if (auto ready = wait_for(connection_, POLLOUT, deadline); !ready) {
      connection_ = Fd();
      return ready;
    }
    socklen_t size = sizeof error;
    ::getsockopt(connection_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) return {};
  connection_ = Fd();
  return fail(network_error(error));
}

Result<void> HttpClient::write(std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(connection_, POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return fail(network_error(errno));
    }
  }
  return {};
}

Result<HttpResponse> HttpClient::read(SteadyTime deadline) {
  ResponseReader reader;
  std::array<char, 65536> buffer;
  for (;;) {
    if (auto ready = wait_for(connection_, POLLIN, deadline); !ready) return fail(ready.error());
    const ssize_t size = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return fail(network_error(errno));
    const auto complete = size == 0 ? reader.finish() : reader.feed({buffer.data(), static_cast<std::size_t>(size)});
    if (!complete) return fail(complete.error());
    if (!*complete) continue;
    if (size == 0 || !reader.keep_alive()) connection_ = Fd();
    return std::move(reader.response());
  }
}

}  // namespace berth::runner
