#pragma once

#include "berth/config/load.hpp"

#include "findings.hpp"
#include "tree.hpp"

namespace berth::config {

/// Fills in what the merged cluster leaves empty; warns of variables that the file overrules (facts §1.6).
void apply_environment(const ApiEnvironment& environment, Node& merged, Findings& findings);

}  // namespace berth::config
