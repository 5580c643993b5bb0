#include "url.hpp"

#include <algorithm>
#include <cctype>

namespace berth::config {
namespace {

bool is_scheme(std::string_view text) {
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-' || c == '.'; });
}

/// `host`, `host:port`, `[v6]:port`, each after an optional `user@`.
Result<void> check_authority(std::string_view authority) {
  authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 = 0
  std::string_view port = authority;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return fail(ErrorKind::invalid, "not a URL: [ without ] in the host");
    port.remove_prefix(close + 1);
    if (!port.empty() && port[0] != ':') return fail(ErrorKind::invalid, "not a URL: text after ] in the host");
  } else {
    port.remove_prefix(std::min(authority.find(':'), authority.size()));
  }
  if (!port.empty()) port.remove_prefix(1);
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) {
    return fail(ErrorKind::invalid, "not a URL: the port is not a number");
  }
  return {};
}

}  // namespace

std::string_view url_authority(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return {};
  url.remove_prefix(colon + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

Result<std::string> normalized_url(std::string_view text) {
  const bool has_space = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (has_space) return fail(ErrorKind::invalid, "not a URL: it holds a space or a control character");
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::string(text);
  if (!is_scheme(text.substr(0, colon)))
    return fail(ErrorKind::invalid, "not a URL: no scheme such as https before ://");

  std::string url(text.substr(0, colon));
  std::transform(url.begin(), url.end(), url.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, host_end);
  if (const auto checked = check_authority(authority); !checked) return fail(checked.error());
  const bool needs_path = !authority.empty() && !rest.substr(host_end).starts_with('/');
  return url.append("://").append(authority).append(needs_path ? "/" : "").append(rest.substr(host_end));
}

}  // namespace berth::config
