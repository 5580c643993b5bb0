#pragma once

#include <memory>

#include "berth/arvados/container_api.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/lease/lease.hpp"
#include "berth/pool/worker_pool.hpp"

namespace berth {

// The edges of the dispatcher as they are for its holder of the lease: what changes something outside (an API record,
// an instance, a worker) is refused with ErrorKind::unavailable in the moment at which the lease is not held, however
// late the rest of the daemon learns of it. What only reads passes.

std::unique_ptr<ContainerApi> gate(ContainerApi& api, const Lease& lease);
std::unique_ptr<InstanceSet> gate(InstanceSet& instances, const Lease& lease);
ExecutorFactory gate(ExecutorFactory executors, const Lease& lease);

}  // namespace berth
