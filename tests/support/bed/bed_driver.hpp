#pragma once

#include "berth/cloud/driver.hpp"

namespace berth {

/// The driver `bed`: instances are hosts that the test's own cloud makes (tests/harness/bed_cloud.py), which is asked
/// by HTTP at $BERTH_BED.
Result<std::unique_ptr<InstanceSet>> make_bed_set(const DriverContext& context);

}  // namespace berth
