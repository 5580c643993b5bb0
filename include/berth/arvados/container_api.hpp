#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// One page of `GET /arvados/v1/containers` (facts §2.2).
struct ContainerQuery {
  /// One filter triple; the operand goes out as JSON. `uuids` is the operand of `in`.
  struct Filter {
    std::string field;
    std::string op;
    std::string operand;
    std::vector<std::string> uuids;
  };
  std::vector<Filter> filters;
  std::string order;         ///< `uuid`, `priority desc`, …
  std::int64_t limit = 0;    ///< 0: not sent
  std::int64_t offset = 0;   ///< 0: not sent
  bool with_mounts = false;  ///< adds `mounts` to the select list S
  bool brief = false;        ///< uuid, state and priority alone, instead of S
};

/// One page of containers or container requests by when they were changed, in the order of their uuids.
struct ModifiedQuery {
  enum class Of { containers, requests };
  Of of = Of::containers;
  WallTime since{};   ///< `modified_at` of this or later
  std::string after;  ///< uuids beyond this; empty: from the first
  /// Of requests, instead of `since`: these.
  std::vector<std::string> uuids;
  std::int64_t limit = 0;  ///< 0: not sent
};
struct ModifiedRecord {
  std::string uuid;
  WallTime modified_at{};
  std::string container_uuid;  ///< of a request; empty: it has none
  bool waiting = false;        ///< of a container: Queued with priority above 0
};

/// One page of containers that are Complete, the last modified first.
struct FinishedQuery {
  WallTime since{};         ///< `modified_at` of this or later …
  WallTime until{};         ///< … and of this or earlier
  std::int64_t limit = 0;   ///< 0: not sent
  std::int64_t offset = 0;  ///< 0: not sent
};
struct FinishedContainer {
  Container container;  ///< uuid, state, image, constraints and mounts
  WallTime started_at{};
  WallTime finished_at{};
};
struct FinishedPage {
  std::int64_t records = 0;  ///< with those that cannot be read, which are left out
  std::vector<FinishedContainer> containers;
};

/// What lock, unlock and cancel answer (facts §2.2 F–H).
struct ContainerUpdate {
  ContainerState state = ContainerState::queued;
  std::int64_t priority = 0;
  std::string locked_by_uuid;
};

/// The container API as the dispatcher uses it (facts §2.2, A–J). Every call has a deadline of its own; errors are
/// those of Result: denied, not_found, conflict, unavailable (503), server_error, network, timeout, undecodable,
/// type_mismatch.
class ContainerApi {
 public:
  virtual ~ContainerApi() = default;
  /// A: the uuid of our own token.
  virtual awaitable<Result<std::string>> current_token_uuid() = 0;
  /// B, C, D: one page. Records of it may be `unreadable`, which is logged once each.
  virtual awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) = 0;
  /// What was changed of late, for servers that can say so: containers that are Queued or Cancelled, and requests.
  /// Errors also: undecodable for records that were not asked for, as from a server that ignores a filter.
  virtual awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) = 0;
  /// What has run: nothing that the dispatcher could not do without.
  virtual awaitable<Result<FinishedPage>> list_finished(FinishedQuery query) = 0;
  /// E: the mounts of one container.
  virtual awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string uuid) = 0;
  virtual awaitable<Result<ContainerUpdate>> lock(std::string uuid) = 0;
  virtual awaitable<Result<ContainerUpdate>> unlock(std::string uuid) = 0;
  virtual awaitable<Result<ContainerUpdate>> cancel(std::string uuid) = 0;
  /// I: `runtime_status.error`.
  virtual awaitable<Result<void>> set_runtime_error(std::string uuid, std::string text) = 0;
  /// J: the state alone.
  virtual awaitable<Result<ContainerState>> get_state(std::string uuid) = 0;
  /// When the server last answered 503 (facts §5.3); nothing = never. Thread-safe.
  virtual std::optional<SteadyTime> last_503() const = 0;
};

}  // namespace berth
