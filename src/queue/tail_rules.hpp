#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "berth/base/time.hpp"

namespace berth {

/// How far back a list of what was modified always reaches beyond the newest change that is known: a change may become
/// visible so much later than one with a later stamp (a long transaction, API servers whose clocks differ).
constexpr Duration modified_overlap = std::chrono::seconds(15);
/// Where the first list begins, before our own clock; and how far a list goes further back that found nothing, for the
/// server's clock may be behind ours. Never further than a day.
constexpr Duration modified_look_back = std::chrono::minutes(5);
constexpr Duration modified_longest_look_back = std::chrono::hours(24);

/// From when on lists of what was modified ask, and why: `modified_at >= since`, so of changes with the same stamp none
/// is left out, and what falls into the overlap is listed again, which does no harm.
struct ModifiedSince {
  WallTime since{};
  /// The latest stamp that was listed, or our clock's time then if that was earlier (a server whose clock is ahead, a
  /// stamp from the future); and when. The server's clock has gone on since.
  std::optional<WallTime> newest = std::nullopt;
  SteadyTime listed{};
};

/// After a list that was asked for at `asked`, at `now` by our clock (pure).
/// - `newest`: the latest stamp of the *first* page, nothing if it was empty: what changes while further pages are on
///   their way may lie behind the page that would have shown it, and is listed next time.
/// - `since` is the overlap before the server's time, which is at least the newest stamp and what has passed since. So
///   a burst is not listed over and over, once its changes are older than the overlap.
/// - Our clock behind the server's: lists reach back by as much more. Ahead: the server's stamps decide. While none is
///   known, each list that finds nothing makes the next one look further back.
/// - It never goes back otherwise. A server whose clock was put back is left to the sweep.
inline ModifiedSince after_list(ModifiedSince from, std::optional<WallTime> newest, WallTime now, SteadyTime asked) {
  if (newest && (!from.newest || *from.newest < std::min(*newest, now))) {
    from.newest = std::min(*newest, now);
    from.listed = asked;
  }
  if (from.newest)
    from.since = std::max(from.since, *from.newest + (asked - from.listed) - modified_overlap);
  else
    from.since = std::min(from.since, std::max(from.since - modified_look_back, now - modified_longest_look_back));
  return from;
}

/// How long a sweep over the tail waits before its next page (pure): so that `tail` entries take no longer than
/// `whole`, with pages of the length that the last one had, and never more than `longest`.
inline Duration page_pause(std::size_t tail, std::size_t last_page, Duration whole, Duration longest) {
  const std::size_t pages = tail / std::max<std::size_t>(last_page, 1) + 2;  // the last one is empty
  return std::min<Duration>(longest, whole / static_cast<std::int64_t>(pages));
}

}  // namespace berth
