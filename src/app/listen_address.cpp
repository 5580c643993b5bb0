#include "listen_address.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

namespace berth {
namespace {

constexpr std::string_view kAcmeCache = "/var/lib/arvados/tmp/autocert/";

struct SplitUrl {
  std::string_view scheme;
  std::string_view authority;
};

SplitUrl split(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return {};
  const std::string_view rest = url.substr(colon + 3);
  return {url.substr(0, colon), rest.substr(0, rest.find_first_of("/?#"))};
}

std::string_view without_slash(std::string_view url) {
  if (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

Result<ListenCandidate> candidate(const std::string& entry, const std::string& listen_url) {
  const SplitUrl own = split(listen_url);
  const SplitUrl url = own.authority.empty() ? split(entry) : own;
  ListenCandidate out{entry, {}, url.scheme == "https" || url.scheme == "wss"};
  if (!out.tls && url.scheme != "http" && url.scheme != "ws")
    return fail(ErrorKind::invalid, "to listen on it takes http://ADDRESS:PORT or https://ADDRESS:PORT");
  const auto address = parse_listen_address(std::string(url.authority));
  if (!address) return fail(address.error());
  out.address = *address;
  return out;
}

/// By which an ACME client keeps the certificate of a URL's host.
std::string certificate_name(std::string_view url) {
  std::string_view host = split(url).authority;
  if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

void add(ListenChoice& choice, const std::string& entry, const std::string& listen_url) {
  auto made = candidate(entry, listen_url);
  if (made) {
    choice.candidates.push_back(std::move(*made));
  } else {
    choice.problems.push_back({entry, made.error().message});
  }
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto colon = text.rfind(':');
  ListenAddress address;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    address.host = text.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
      address.host = address.host.substr(1, address.host.size() - 2);
    if (error == std::errc() && at == end && !address.host.empty()) return address;
  }
  return fail(ErrorKind::invalid, "listen address '" + text + "': want ADDRESS:PORT, e.g. 127.0.0.1:7440");
}

ListenChoice choose_listen_addresses(const InternalUrls& urls, const std::string& wanted) {
  ListenChoice choice;
  bool found = false;
  for (const auto& [entry, listen_url] : urls) {
    if (!wanted.empty() && without_slash(entry) != without_slash(wanted)) continue;
    found = true;
    add(choice, entry, listen_url);
  }
  if (!wanted.empty() && !found) {
    choice.not_configured = true;
    add(choice, wanted, "");
  }
  return choice;
}

CertificateFiles certificate_files(const TlsConfig& tls, const std::string& entry) {
  if (tls.acme_server.empty()) return {tls.certificate, tls.key};
  const std::string file = std::string(kAcmeCache) + certificate_name(entry);
  return {file, file};
}

}  // namespace berth
