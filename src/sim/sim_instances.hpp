#pragma once

#include <memory>

#include "berth/cloud/driver.hpp"
#include "berth/pool/worker_pool.hpp"

#include "cloud_model.hpp"
#include "core.hpp"
#include "link.hpp"
#include "watcher.hpp"

namespace berth {

/// The cloud as one dispatcher process reaches it: a driver, without the wrappers.
std::unique_ptr<InstanceSet> make_sim_instances(SimCore& core, SimCloud& cloud, SimWatcher& watcher,
                                                std::shared_ptr<Link> link);

/// The way to instances of that set. `unwrapped`: what the wrappers have made of an instance is passed over by its id.
ExecutorFactory make_sim_executors(SimCore& core, SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link);

}  // namespace berth
