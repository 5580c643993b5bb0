#pragma once

#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

#include "edit.hpp"
#include "records.hpp"

namespace berth {

using Columns = std::vector<const Field*>;

/// The calls that change a container (facts §2.2 F–I, §2.4); each answers the record's `columns`.
/// Errors: not_found, denied, conflict, server_error.
Result<std::string> lock_container(EditContext& edit, const std::string& uuid, const Columns& columns);
Result<std::string> unlock_container(EditContext& edit, const std::string& uuid, const Columns& columns);
/// `changes`: from check_container_attributes.
Result<std::string> update_container(EditContext& edit, const std::string& uuid, Changes changes,
                                     const Columns& columns);

/// Cancels a container that nobody has locked; does nothing in any other state.
Result<void> cancel_if_queued(EditContext& edit, const std::string& uuid);
/// A new Queued container with the needs of a committed request, which becomes the request's container.
Result<void> make_container(EditContext& edit, const std::string& request_uuid);

}  // namespace berth
