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

/// Around the wrappers: tells the watcher what the pool decides to create, and what it hears of it.
std::unique_ptr<InstanceSet> watch_decisions(SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link,
                                             std::unique_ptr<InstanceSet> wrapped);
/// The tag that tells one create from another; empty if there is none.
std::string secret_of(const InstanceTags& tags);

/// The way to instances of that set.
ExecutorFactory make_sim_executors(SimCore& core, SimCloud& cloud, SimWatcher& watcher,
                                   const std::shared_ptr<Link>& link);

}  // namespace berth
