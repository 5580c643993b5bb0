#pragma once

#include <nlohmann/json.hpp>

#include "findings.hpp"
#include "tree.hpp"

namespace berth::config {

/// The merged cluster as one typed document: durations in their short form, sizes as integers, URLs normalised, entries
/// of free-form objects filled up with zero values (facts §1.2, §1.4). A value of the wrong type is an error if Berth
/// reads the key (keys.hpp), else a warning, and the default takes its place.
nlohmann::json make_document(const Node& merged, const Node& defaults, Findings& findings);

}  // namespace berth::config
