#pragma once

#include <string>

#include "berth/config/cluster.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/scheduler/scheduler.hpp"

namespace berth {

/// One entry of `GET …/dispatch/containers` (facts §9.2) as JSON text. Beside the reference's keys it has `reason`, the
/// machine-readable form of `scheduling_status`.
std::string container_entry(const ScheduledContainer& scheduled, const std::map<std::string, InstanceType>& types);

/// One entry of `GET …/dispatch/instances` (facts §9.2) as JSON text.
std::string instance_entry(const PoolInstance& instance);

/// A JSON string literal; invalid UTF-8 is replaced.
std::string quote(const std::string& text);

}  // namespace berth
