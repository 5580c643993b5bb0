#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "berth/config/cluster.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/remote/ssh.hpp"

namespace berth {

/// How the dispatcher logs in to workers.
struct SshAccess {
  std::optional<SshKey> key;  ///< nothing: only instances that are this machine can be reached
  std::uint16_t port = 22;    ///< of addresses that name none
};

/// `SSHPort` (facts §1.3): a number from 1 to 65535, the name of a TCP service, or empty for SSH's. Errors: invalid.
Result<std::uint16_t> parse_ssh_port(const std::string& text);

/// What the configuration says. Errors: invalid, failed; each begins with its key.
Result<SshAccess> read_ssh_access(const Cluster& cluster);

/// Over SSH, but for instances that are this machine. `runtime` and `metrics` must live as long.
ExecutorFactory make_executor_factory(Runtime& runtime, Metrics& metrics, const Logger& log, SshAccess access);

}  // namespace berth
