#include "service_environment.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace berth {
namespace {

constexpr const char* kSiteCaFile = "/etc/arvados/ca-certificates.crt";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ServiceEnvironment read_service_environment() {
  ServiceEnvironment environment;
  environment.internal_url = variable("ARVADOS_SERVICE_INTERNAL_URL");
  environment.server_address = variable("ARVADOS_SERVER_ADDRESS");
  environment.ca_file = variable("SSL_CERT_FILE");
  if (environment.ca_file.empty() && ::faccessat(AT_FDCWD, kSiteCaFile, R_OK, AT_EACCESS) == 0)
    environment.ca_file = kSiteCaFile;
  return environment;
}

}  // namespace berth
