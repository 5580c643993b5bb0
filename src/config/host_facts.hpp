#pragma once

#include <cstdint>
#include <functional>

namespace berth::config {

/// What the implicit instance type of the loopback driver is made of (facts §1.1).
struct HostFacts {
  std::int64_t vcpus = 0;
  std::int64_t ram = 0;      ///< `MemTotal`, bytes
  std::int64_t scratch = 0;  ///< total size of the file system of the temporary directory, bytes
};

using HostFactsSource = std::function<HostFacts()>;

/// Of this machine; what cannot be found out is 0.
HostFacts read_host_facts();

}  // namespace berth::config
