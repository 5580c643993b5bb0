#pragma once

#include <map>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"
#include "berth/config/cluster.hpp"
#include "berth/sim/world.hpp"

namespace berth {

/// How the cloud bills instances.
struct BillingModel {
  Duration minimum = std::chrono::minutes(1);  ///< of one instance, from its create to its end; then by the second
  std::map<std::string, double> prices;        ///< $/hour, by type name; others: the configuration's
};

/// What a cloud model file says (docs/berth-sim.md).
struct CloudFile {
  SimCloudModel cloud;
  SimWorkerModel workers;
  BillingModel billing;
  double interruptions_per_hour = 0;  ///< as SimFaults::interruptions_per_hour, at any time
};

/// Reads a cloud model. Types that it names must be among `types`. Errors: invalid, `FILE:LINE: KEY: …`.
Result<CloudFile> read_cloud_text(std::string_view text, const std::string& file,
                                  const std::map<std::string, InstanceType>& types);
/// The same from a file. Errors also: failed, if it cannot be read.
Result<CloudFile> read_cloud_file(const std::string& path, const std::map<std::string, InstanceType>& types);

}  // namespace berth
