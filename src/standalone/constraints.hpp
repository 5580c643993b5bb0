#pragma once

#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

namespace berth {

/// What a container needs, as records carry it (facts §2.3): checked, with every sub-key present. Unknown keys are
/// refused, since a misspelt need that is silently dropped runs the container in the wrong place.
/// Errors: invalid, naming the key.
Result<nlohmann::json> normalise_runtime_constraints(const nlohmann::json& value);
Result<nlohmann::json> normalise_scheduling_parameters(const nlohmann::json& value);
/// By path; keys of a mount beyond `kind` and `capacity` are kept as they are.
Result<void> check_mounts(const nlohmann::json& value);

/// A JSON integer from `min` to `max`. Errors: invalid, naming it.
Result<std::int64_t> integer_between(const nlohmann::json& value, std::string_view name, std::int64_t min,
                                     std::int64_t max);

}  // namespace berth
