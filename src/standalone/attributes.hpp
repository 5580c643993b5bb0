#pragma once

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

#include "records.hpp"

namespace berth {

/// Attributes of a container request as a user may send them, checked, with every sub-key filled in where records have
/// them (facts §2.3), as columns to set. Attributes of the full Arvados API that have no effect here are left out.
/// Errors: invalid (422), naming the attribute and the key in it.
Result<Changes> check_request_attributes(const nlohmann::json& attributes);
/// Columns of a new request that the attributes do not set.
Changes request_defaults();

/// Attributes of a container as dispatcher and runner may send them: state, priority and the fields of progress.
/// Errors: invalid (422), naming the attribute.
Result<Changes> check_container_attributes(const nlohmann::json& attributes);

}  // namespace berth
