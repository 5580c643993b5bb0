#pragma once

#include "berth/config/cluster.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"
#include "berth/scheduler/scheduler.hpp"

namespace berth {

// What each part takes from the cluster configuration (facts §1.3).
QueueOptions queue_options(const Cluster& cluster);
PoolOptions pool_options(const Cluster& cluster);
SchedulerOptions scheduler_options(const Cluster& cluster);

}  // namespace berth
