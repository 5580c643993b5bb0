#pragma once

#include <functional>
#include <string>

#include "berth/base/result.hpp"

namespace berth {

/// Where the daemon is and how to prove who asks.
struct Endpoint {
  std::string source;            ///< where all this was found, for a human
  std::string api_url;           ///< BERTH_API_URL, or https://ARVADOS_API_HOST
  std::string api_token;         ///< ARVADOS_API_TOKEN; secret
  std::string management_url;    ///< BERTH_URL
  std::string management_token;  ///< BERTH_TOKEN; secret
  bool insecure = false;         ///< ARVADOS_API_HOST_INSECURE
};

/// A variable's value, or null.
using ReadVariable = std::function<const char*(const char* name)>;

/// The file to read: `env_file` if given, else `default_env_file`; empty: none, since the environment names an API.
std::string env_file_to_read(const std::string& env_file, const std::string& default_env_file,
                             const ReadVariable& environment);

/// All from one place, so that no token goes to a daemon that it is not for: `env_file` if given; else the environment
/// if it names an API; else `default_env_file`, of a standalone daemon. Errors: invalid, saying what is missing where.
Result<Endpoint> find_endpoint(const std::string& env_file, const std::string& default_env_file,
                               const ReadVariable& environment);

}  // namespace berth
