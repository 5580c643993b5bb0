#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "berth/config/cluster.hpp"

#include "findings.hpp"
#include "host_facts.hpp"
#include "tree.hpp"

namespace berth::config {

using InstanceTypes = std::map<std::string, InstanceType>;

/// `InstanceTypes` of a typed document (facts §1.4), checked: no negative numbers, a GPU driver version that is a
/// number. `merged` tells where each was written.
InstanceTypes read_instance_types(const nlohmann::json& document, const Node& merged, Findings& findings);

/// The loopback driver runs on this machine: without any type it gets one, `localhost`, of the machine's size; several
/// are an error unless the driver has parameters that bound what they use together (facts §1.1).
void add_loopback_type(InstanceTypes& types, const CloudVmsConfig& cloud_vms, const HostFactsSource& host,
                       const Node& merged, Findings& findings);

/// For each type `T` that is not preemptible a type `T.preemptible` at `factor` times the price, unless there is one of
/// that name (facts §1.1). Nothing if `factor` ≤ 0.
void add_preemptible_variants(InstanceTypes& types, double factor, const Node& merged, Findings& findings);

}  // namespace berth::config
