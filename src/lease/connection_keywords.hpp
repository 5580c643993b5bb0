#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/base/result.hpp"

namespace berth {

/// One place to connect to. Fields may be empty: libpq's defaults then hold (a socket on this machine).
struct DatabaseEndpoint {
  std::string host;         ///< name, address, or folder of a Unix socket
  std::string hostaddress;  ///< given by the configuration: no name is looked up
  std::string port;
  friend bool operator==(const DatabaseEndpoint&, const DatabaseEndpoint&) = default;
  /// Whether `host` is a name to be looked up before libpq gets it, which would block.
  bool needs_lookup() const;
};

/// PostgreSQL.Connection, ready for libpq (facts §1.3): keys in lower case, empty values left out. Secret.
struct ConnectionKeywords {
  std::vector<DatabaseEndpoint> endpoints;      ///< tried in this order
  std::map<std::string, std::string> keywords;  ///< all but host, hostaddr and port, with our defaults
};

/// Errors: invalid, naming the key: nothing is set, libpq does not know it or would refuse its value, or the lists of
/// hosts and ports differ in length.
Result<ConnectionKeywords> parse_connection(const std::map<std::string, std::string>& connection);

}  // namespace berth
