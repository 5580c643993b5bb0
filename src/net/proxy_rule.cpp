#include "proxy_rule.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <curl/curl.h>
#include <memory>
#include <optional>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace berth {
namespace {

namespace ip = boost::asio::ip;

std::string first_set(const char* upper, const char* lower) {
  for (const char* name : {upper, lower})
    if (const char* value = std::getenv(name); value && *value) return value;
  return {};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view without_brackets(std::string_view host) {
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

/// Whether `text` is a network, and the address is in it.
bool is_in_network(const ip::address& address, const std::string& text) {
  boost::system::error_code error;
  if (address.is_v4()) {
    const auto network = ip::make_network_v4(text, error);
    return !error && network.canonical() == ip::network_v4(address.to_v4(), network.prefix_length()).canonical();
  }
  const auto network = ip::make_network_v6(text, error);
  return !error && network.canonical() == ip::network_v6(address.to_v6(), network.prefix_length()).canonical();
}

struct Target {
  std::string host;  // lower case, without brackets and final dot
  std::string port;
  std::optional<ip::address> address;
};

bool matches(std::string_view entry, const Target& target) {
  if (entry == "*") return true;
  if (entry.find('/') != std::string_view::npos)
    return target.address && is_in_network(*target.address, std::string(entry));
  // A port is what follows the only colon, or a bracket.
  if (const std::size_t colon = entry.rfind(':');
      colon != std::string_view::npos && (entry.find(':') == colon || entry[colon - 1] == ']')) {
    if (entry.substr(colon + 1) != target.port) return false;
    entry = entry.substr(0, colon);
  }
  entry = without_brackets(entry);
  if (const auto address = parse_address(entry)) return target.address == address;
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.empty() || entry == "." || target.address) return false;
  const std::string below = (entry.starts_with('.') ? "" : ".") + std::string(entry);
  return target.host.ends_with(below) || target.host == entry;
}

bool is_excluded(std::string_view list, const Target& target) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    if (matches(lower(trimmed(list.substr(begin, end - begin))), target)) return true;
    begin = end + 1;
  }
  return false;
}

/// Whether libcurl can make sense of it, which otherwise says so at the first transfer.
bool is_url(const std::string& text) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  return curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
}

/// With a scheme that libcurl gives the same meaning as Go; a proxy for SOCKS looks names up itself.
Result<std::string> proxy_url(const std::string& variable, const std::string& value) {
  const std::size_t colon = value.find("://");
  const std::string scheme = colon == std::string::npos ? "http" : lower(value.substr(0, colon));
  const bool is_socks = scheme == "socks5" || scheme == "socks5h";
  std::string url = value;
  if (colon == std::string::npos) url.insert(0, "http://");
  if (is_socks) url.replace(0, colon, "socks5h");
  if ((is_socks || scheme == "http" || scheme == "https") && is_url(url)) return url;
  return fail(ErrorKind::invalid, variable + " is not the URL of an http, https or socks5 proxy");
}

}  // namespace

ProxyEnvironment read_proxy_environment() {
  const char* method = std::getenv("REQUEST_METHOD");
  ProxyEnvironment environment;
  if (!method || !*method) environment.http = first_set("HTTP_PROXY", "http_proxy");
  environment.https = first_set("HTTPS_PROXY", "https_proxy");
  environment.excluded = first_set("NO_PROXY", "no_proxy");
  return environment;
}

Result<std::string> choose_proxy(const ProxyEnvironment& environment, std::string_view scheme, std::string_view host,
                                 std::string_view port) {
  const bool is_https = scheme == "https";
  const std::string& value = is_https ? environment.https : environment.http;
  if (value.empty()) return std::string();
  host = without_brackets(host);
  if (host.ends_with('.')) host.remove_suffix(1);
  const Target target{lower(host), port.empty() ? (is_https ? "443" : "80") : std::string(port), parse_address(host)};
  const bool is_here = target.host == "localhost" || (target.address && target.address->is_loopback());
  if (is_here || is_excluded(environment.excluded, target)) return std::string();
  return proxy_url(is_https ? "HTTPS_PROXY" : "HTTP_PROXY", value);
}

}  // namespace berth
