#pragma once

#include <cstdint>

#include "berth/base/time.hpp"
#include "berth/pool/worker_pool.hpp"

namespace berth {

/// When the next pass may begin: passes begin at least max(`least`, 2 × the last one) apart, so that a storm of changes
/// leads to few of them and leaves half of the strand's time to others.
SteadyTime next_pass_at(SteadyTime began, Duration took, Duration least);

/// What a pass has taken into account.
struct SeenVersions {
  std::uint64_t queue = 0;
  std::uint64_t pool = 0;
  friend bool operator==(const SeenVersions&, const SeenVersions&) = default;
};

/// What has been taken into account once the pool has carried out the commands of a pass that saw `seen`: also what
/// they changed, if nothing else changed meanwhile and they leave nothing to decide (creates and starts, all accepted).
/// So a pass is not followed by another one that only sees its work.
SeenVersions seen_after(SeenVersions seen, const PoolCommands& commands, const PoolReceipt& receipt);

}  // namespace berth
