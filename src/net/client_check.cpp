#include "berth/net/client_check.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>

#include "exchange.hpp"
#include "proxy_rule.hpp"

namespace berth {
namespace {

bool is_name_character(unsigned char c) {
  return std::isalnum(c) || c == '-' || c == '.' || c == '_' || c >= 0x80;
}

bool is_address(const std::string& text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  boost::system::error_code error;
  boost::asio::ip::make_address(bracketed ? text.substr(1, text.size() - 2) : text, error);
  return !error;
}

}  // namespace

Result<void> check_ca_file(const std::string& file) {
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0)
    return fail(ErrorKind::invalid, std::string("cannot be read: ") + std::strerror(errno));
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
  boost::system::error_code error;
  context.load_verify_file(file, error);
  if (error) return fail(ErrorKind::invalid, "no certificates in PEM form can be read from it");
  return {};
}

Result<void> check_proxy_environment(const std::string& url) {
  const auto parts = split_url(url);
  if (!parts) return {};  // not for the variables to answer for
  if (const auto proxy = choose_proxy(read_proxy_environment(), parts->scheme, parts->host, parts->port); !proxy)
    return fail(proxy.error());
  return {};
}

Result<void> check_connect_to(const std::string& host) {
  const bool is_name = !host.empty() && std::all_of(host.begin(), host.end(), is_name_character);
  if (is_name || is_address(host)) return {};
  return fail(ErrorKind::invalid, "must be a host name or an address, without a port");
}

}  // namespace berth
