#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// Where an SSH server listens.
struct SshEndpoint {
  std::string host;  ///< a name, or an IP address without brackets
  std::uint16_t port = 0;
  bool operator==(const SshEndpoint&) const = default;
};

/// Reads `host`, `host:port`, `[v6]`, `[v6]:port` or bare IPv6 (facts §6.3). Errors: network (empty: no address yet),
/// invalid.
Result<SshEndpoint> parse_ssh_address(std::string_view address, std::uint16_t default_port);

}  // namespace berth
