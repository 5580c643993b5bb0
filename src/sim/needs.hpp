#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/config/cluster.hpp"
#include "berth/model/container.hpp"

namespace berth {

// What containers of histories need, by arithmetic of its own, not the dispatcher's: what that gets wrong is to show.
// Histories have no images of any size.

/// Whether the type holds the container and is of its kind, preemptible or not, with the right GPUs or none (facts
/// §4.1, §4.2).
bool holds(const InstanceType& type, const Container& container, const ContainersConfig& config);
/// … of some type.
bool held_by_any(const Container& container, const Cluster& cluster);
/// Whether the type costs no more than MaximumPriceFactor times the cheapest that holds the container (facts §4.3).
bool within_ceiling(const InstanceType& type, const Container& container, const Cluster& cluster);
/// Whether one instance of the type holds all of them at a time, by its size and by MaxRunningContainersPerInstance.
bool hold_together(const InstanceType& type, const std::vector<const Container*>& group,
                   const ContainersConfig& config);
/// Whether one instance of the type might hold so many of the group that their own prices, of the cheapest type for
/// each, come to its price divided by MaximumPriceFactor: true whenever they can, since what is split counts in parts.
bool may_be_worth(const InstanceType& type, const std::vector<const Container*>& group, const Cluster& cluster);

}  // namespace berth
