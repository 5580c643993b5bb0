#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// The variables by which a machine says how others are reached (facts §1.6). May hold secrets.
struct ProxyEnvironment {
  std::string http;      ///< HTTP_PROXY or http_proxy: for http URLs. Empty if REQUEST_METHOD is set: then a CGI
                         ///< client's header may have made it
  std::string https;     ///< HTTPS_PROXY or https_proxy: for https URLs
  std::string excluded;  ///< NO_PROXY or no_proxy
};
/// Of this process.
ProxyEnvironment read_proxy_environment();

/// The proxy for a URL, as libcurl wants it; empty: none. The rule is that which the documentation of Go's
/// golang.org/x/net/http/httpproxy gives: this machine is never reached through a proxy, nor is what NO_PROXY lists:
/// addresses, networks (10.0.0.0/8), names, which stand for what is below them too, names with a leading dot, which
/// stand for that alone, each perhaps with `:port`; `*` is everything. `host` may be in brackets, `port` empty.
/// Errors: invalid: not a proxy's URL, naming the variable alone.
Result<std::string> choose_proxy(const ProxyEnvironment& environment, std::string_view scheme, std::string_view host,
                                 std::string_view port);

}  // namespace berth
