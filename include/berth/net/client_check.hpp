#pragma once

#include <string>

#include "berth/base/result.hpp"

namespace berth {

// What would fail every transfer of a client, told before one is made. Nothing is connected and no name looked up.

/// Whether TLS can take the certificates to trust from this PEM file. Errors: invalid: why not, without its name.
Result<void> check_ca_file(const std::string& file);
/// Whether HTTPS_PROXY and HTTP_PROXY, as far as they are for this URL, name a proxy. Errors: invalid, naming the
/// variable and not its value, which may hold a password. A URL that is none has no error here.
Result<void> check_proxy_environment(const std::string& url);
/// Whether HttpClientOptions::connect_to can be this: a host name or an address. Errors: invalid.
Result<void> check_connect_to(const std::string& host);

}  // namespace berth
