#pragma once

#include "berth/config/cluster.hpp"

#include "findings.hpp"
#include "tree.hpp"

namespace berth::config {

/// Checks of a whole cluster that no single key's type covers (facts §1.1). `merged` tells where values were written.
void check_cluster(const Cluster& cluster, const Node& merged, Findings& findings);

}  // namespace berth::config
