#pragma once

#include <cstdint>
#include <string>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// One standalone installation on disk: its directory, tokens and certificate.
struct Installation {
  std::string data_dir;
  std::string cluster_id = "berth";
  std::string root_token;        ///< secret: API
  std::string management_token;  ///< secret: management API
  std::string tls_certificate;   ///< path, PEM
  std::string tls_key;           ///< path, PEM, mode 0600
};

/// Makes the directory, mode 0700, if it is absent. Errors: failed, with the path and the system's text.
Result<void> make_data_dir(const std::string& data_dir);

/// Opens an existing directory: at first start makes tokens (`DIR/tokens`) and a self-signed certificate; later starts
/// find them again. Take the lock on the directory first. Blocks on files: for start-up only. Errors: failed, with path
/// and the system's text.
Result<Installation> open_installation(Runtime& runtime, const std::string& data_dir);

/// Writes `DIR/env`, mode 0600: `KEY=value` lines for clients. `address` is what clients dial, `host:port`: it must be
/// served already. Until then the file of the last start stays, or there is none.
Result<void> write_env_file(const Installation& installation, const std::string& address);

/// What one machine may pretend to be.
struct Machine {
  std::int64_t vcpus = 1;
  std::int64_t ram = 0;      ///< bytes
  std::int64_t scratch = 0;  ///< bytes
};
/// This machine: processors, memory, size of the disk where `dir` is (not what is free of it, which would make other
/// instance types at each start), in whole GiB.
Machine this_machine(const std::string& dir);

/// The cluster configuration of a standalone daemon as YAML text: loopback driver, instance types of 1, 2, 4, … VCPUs
/// up to the whole machine with their share of memory and disk, intervals fit for one machine. Holds secrets.
std::string standalone_cluster_text(const Installation& installation, const Machine& machine,
                                    const std::string& api_url, const std::string& runner_path);

}  // namespace berth
