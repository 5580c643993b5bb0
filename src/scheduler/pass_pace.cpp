#include "pass_pace.hpp"

#include <algorithm>

namespace berth {
namespace {

bool all(const std::vector<bool>& accepted) {
  return std::all_of(accepted.begin(), accepted.end(), [](bool one) { return one; });
}

}  // namespace

SteadyTime next_pass_at(SteadyTime began, Duration took, Duration least) {
  return began + std::max(least, 2 * took);
}

SeenVersions seen_after(SeenVersions seen, const PoolCommands& commands, const PoolReceipt& receipt) {
  const bool leaves_nothing = commands.kills.empty() && commands.forgets.empty() && commands.shutdowns.empty() &&
                              all(receipt.creates) && all(receipt.starts);
  if (leaves_nothing && receipt.version_before == seen.pool) seen.pool = receipt.snapshot->version;
  return seen;
}

}  // namespace berth
