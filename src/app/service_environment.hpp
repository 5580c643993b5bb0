#pragma once

#include <string>

namespace berth {

/// What the environment tells a cluster's daemon beside the API server (facts §1.6).
struct ServiceEnvironment {
  std::string internal_url;    ///< ARVADOS_SERVICE_INTERNAL_URL
  std::string server_address;  ///< ARVADOS_SERVER_ADDRESS: dial this host instead of the API server's
  std::string ca_file;         ///< certificates to trust; empty: the system's
};
/// Of this process. The CA file is SSL_CERT_FILE, or else /etc/arvados/ca-certificates.crt if that can be read.
ServiceEnvironment read_service_environment();

}  // namespace berth
