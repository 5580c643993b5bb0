#pragma once

#include <optional>
#include <string>

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// Who asks for a change of a container record.
enum class CallerRole {
  admin,      ///< an admin token; `token_uuid` tells which
  container,  ///< the container's own token
  other,      ///< anybody else
};
struct Caller {
  CallerRole role = CallerRole::other;
  std::string token_uuid;
};

/// The part of a record that the rules look at.
struct RecordState {
  ContainerState state = ContainerState::queued;
  std::int64_t priority = 0;
  std::string locked_by_uuid;  ///< empty exactly unless Locked or Running
  std::int64_t lock_count = 0;
  std::string gateway_address = {};  ///< while Running: who runs it
};

/// Which fields an update wants to change, beside the state.
struct FieldChanges {
  bool priority = false;
  bool progress = false;  ///< any of progress, subrequests_cost, cost, log, output, output_properties, exit_code
  bool runtime_status = false;
  bool log = false;                  ///< also counts as progress; the container's own token may not set it
  std::string gateway_address = {};  ///< the value asked for; empty: none
};

/// What happens to the record when a change is allowed.
struct Transition {
  ContainerState state = ContainerState::queued;
  std::string locked_by_uuid;
  std::int64_t lock_count = 0;
  bool set_started_at = false;
  bool set_finished_at = false;
  bool clear_runtime_status = false;  ///< back to `{}`
  bool clear_gateway_address = false;
  bool too_many_attempts = false;  ///< became Cancelled because lock_count reached the limit
};

/// The state and ownership rules of a container record (facts §2.4), as one pure table; used by the standalone API and
/// by the simulator. `wanted` is the state asked for (nothing = unchanged). Errors: denied (403), conflict (422).
///
/// Beyond the facts: asking for Running is a claim, and `gateway_address` says whose. While the container is Running,
/// the same claim is allowed again (its answer may have been lost), one of another address is refused with 422.
Result<Transition> apply_rules(const RecordState& record, const Caller& caller, std::optional<ContainerState> wanted,
                               const FieldChanges& fields, std::int64_t max_dispatch_attempts);
/// `lock` and `unlock` calls: as apply_rules, with their own refusals (422 unless Queued / Locked).
Result<Transition> lock_rules(const RecordState& record, const Caller& caller);
Result<Transition> unlock_rules(const RecordState& record, const Caller& caller, std::int64_t max_dispatch_attempts);

/// Priority of a container made for a request (facts §2.4): `priority × 2^50 − created_at in ms`; 0 stays 0.
std::int64_t container_priority(std::int64_t request_priority, WallTime request_created_at);

}  // namespace berth
