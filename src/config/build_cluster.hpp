#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "berth/config/cluster.hpp"

#include "findings.hpp"
#include "host_facts.hpp"
#include "tree.hpp"

namespace berth::config {

/// The structs of a typed document without errors, with fallbacks for values ≤ 0 (facts §1.3) and the steps after
/// merging (facts §1.1). `merged` tells where values were written.
Cluster build_cluster(const std::string& id, nlohmann::json document, const Node& merged, const Node& defaults,
                      const HostFactsSource& host, Findings& findings);

}  // namespace berth::config
