#include "address.hpp"

#include <algorithm>
#include <charconv>

namespace berth {
namespace {

constexpr std::size_t max_host = 255;  // as long as a name may be in DNS

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

Result<SshEndpoint> parse_ssh_address(std::string_view address, std::uint16_t default_port) {
  if (address.empty()) return fail(ErrorKind::network, "the worker has no address");
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorKind::invalid, "the worker's address " + std::string(what));
  };
  if (address.size() > max_host + 8 || !printable(address)) return wrong("is too long or holds odd characters");
  std::string_view host = address;
  std::string_view port;
  if (address.front() == '[') {
    const auto end = address.find(']');
    if (end == address.npos) return wrong("lacks a ]");
    host = address.substr(1, end - 1);
    port = address.substr(end + 1);
    if (!port.empty() && port.front() != ':') return wrong("has something other than a port after the ]");
  } else if (const auto colon = address.find(':'); colon != address.npos && address.rfind(':') == colon) {
    host = address.substr(0, colon);
    port = address.substr(colon);
  }
  if (host.empty() || host.size() > max_host) return wrong("names no host");
  SshEndpoint endpoint{std::string(host), default_port};
  if (port.empty()) return endpoint;
  port.remove_prefix(1);
  const auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || rest != port.data() + port.size() || endpoint.port == 0)
    return wrong("has a port that is not a number from 1 to 65535");
  return endpoint;
}

}  // namespace berth
