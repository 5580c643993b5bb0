#pragma once

#include <memory>

#include "berth/cloud/driver.hpp"

#include "instance_store.hpp"

namespace berth {

/// The driver `loopback`: instances that are this very machine (facts §8.4, docs/loopback.md).
Result<std::unique_ptr<InstanceSet>> make_loopback_set(const DriverContext& context);

namespace loopback {
/// The same over a given store. An instance has an address from `boot_delay` after its creation on.
std::unique_ptr<InstanceSet> make_set(Runtime& runtime, std::shared_ptr<InstanceStore> store, Duration boot_delay);
}  // namespace loopback

}  // namespace berth
