#pragma once

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

#include "keys.hpp"
#include "tree.hpp"

namespace berth::config {

/// The JSON form of a value that has no type of its own.
nlohmann::json plain_json(const Node& node);

/// One value converted to what `type` asks for, in the document's form (facts §1.2). Errors: invalid; the text of a
/// string is shown only where a duration or a size was expected.
Result<nlohmann::json> scalar_value(const Node& node, KeyType type);

/// A quoted number without unit as a size means 0 to the reference (facts §1.2).
bool is_zero_size_quirk(const Node& node, KeyType type);

}  // namespace berth::config
