#pragma once

#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/result.hpp"

#include "polled_records.hpp"

namespace berth {

/// A page of B: what is locked by our token (facts §2.2), in the order of the uuids; uuid, state and priority alone,
/// and the lock holder. Checked to be in order.
awaitable<Result<std::vector<Container>>> list_held_page(ContainerApi& api, std::string token_uuid, std::string after,
                                                         std::int64_t page_size);

struct Window {
  RecordMap records;
  bool complete = false;
};
/// C: Queued with priority above 0, highest first; stops after the page with which at least `window` non-supervisors
/// were received (facts §2.2).
awaitable<Result<Window>> list_window(ContainerApi& api, std::int64_t window, std::int64_t page_size);

struct Missing {
  RecordMap records;
  UuidSet deleted;
};
/// D: by uuid, 20 at a time; an empty page means that all of its uuids are gone (facts §3). A uuid that was not asked
/// for is ErrorKind::undecodable.
awaitable<Result<Missing>> list_missing(ContainerApi& api, std::vector<std::string> uuids);

/// So many uuids go into one request of list_by_uuid.
constexpr std::size_t fetch_batch = 250;
/// The same for containers that changed, in larger batches.
awaitable<Result<Missing>> list_by_uuid(ContainerApi& api, std::vector<std::string> uuids);

/// One page of all Queued containers with priority above 0 in the order of their uuids: uuid, state and
/// priority alone. Checked to be in order.
awaitable<Result<std::vector<Container>>> list_tail_page(ContainerApi& api, std::string after, std::int64_t page_size);

}  // namespace berth
