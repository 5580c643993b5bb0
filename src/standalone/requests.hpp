#pragma once

#include <string>

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

#include "containers.hpp"
#include "edit.hpp"
#include "records.hpp"

namespace berth {

/// Container requests: Uncommitted → Committed (gets a container) → Final (its container has ended for good).
/// `changes`: from check_request_attributes; each answers the record's `columns`.
/// Errors: invalid, not_found, conflict, server_error.
Result<std::string> create_request(EditContext& edit, const Changes& changes, const Columns& columns);
/// Once committed: name, description, properties, output_name, container_count_max and priority, which goes on to the
/// container; 0 means on hold, and stops what runs.
Result<std::string> update_request(EditContext& edit, const std::string& uuid, Changes changes, const Columns& columns);
/// Priority 0; a container that is still Queued ends at once. A request that is Final stays as it is.
Result<std::string> cancel_request(EditContext& edit, const std::string& uuid, const Columns& columns);

/// What becomes of the request whose container has ended: a new container if this one was Cancelled, the request's
/// priority is above 0 and it had fewer than `container_count_max` (facts §2.4); Final otherwise, and, unlike Arvados,
/// also if the container's `runtime_status.permanent` is true: its runner says that no attempt can go better.
Result<void> settle_request(EditContext& edit, const std::string& container_uuid, ContainerState ended);

}  // namespace berth
