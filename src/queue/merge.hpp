#pragma once

#include <string>
#include <vector>

#include "berth/queue/queue_entries.hpp"

#include "polled_records.hpp"

namespace berth {

/// How the cache is kept true (facts §3, and the tail, which the reference does not have).
///
/// Each poll lists the containers that we hold (B) and the window: the Queued ones of highest priority (C). What the
/// cache knows beyond these is asked for by uuid (D), except finished containers and *the tail*: the set of cached
/// uuids that were last seen Queued with a priority above 0 outside the window. The tail is not asked for, since that
/// would be thousands of requests; instead a sweep lists all Queued containers page by page in uuid order, over and
/// over, and never more than one page per `tail_page_interval`.
/// - A container enters the tail when D finds it Queued outside an incomplete window, or when the sweep shows it first.
/// - It leaves the tail when a poll lists it (B, C) or when its state is changed from here; then the poll's rules hold.
/// - A page covers the uuids between the previous page's last one and its own last one. A container of the tail in that
///   range which is not on the page is no longer waiting (cancelled, held, or locked by somebody else): it is dropped.
///   Should it wait again, or be ours after all, the next list that shows it adds it anew.
/// - When a poll's window is complete, it has listed every waiting container: what is left of the tail is dropped.
/// So a record of the window is at most one poll old, one of the tail at most one sweep.
///
/// Whatever changed here while a list was on its way is in `hands_off`: that list neither changes, adds nor drops it.

/// The cache as the merges see it. Every entry is either in the core or in the tail.
struct Known {
  const QueueEntries& entries;
  const QueueEntries& core;
  const QueueEntries& tail;
};

/// A page of B in the order of the uuids, of which state, priority and lock holder are known: into `polled.held` or
/// `polled.held_as_known`; those of which more is to be asked for into `unknown`. `after`: the last uuid of the page
/// before.
void merge_held_page(const Known& known, const std::string& after, std::vector<Container> page, PolledRecords& polled,
                     std::vector<std::string>& unknown);

/// What D has to ask for: in the core, not final, and not listed.
std::vector<std::string> missing_uuids(const Known& known, const PolledRecords& polled);

/// What a poll changes. Its records are those of the PolledRecords.
struct PollMerge {
  std::vector<const Container*> update;        ///< records of known containers that say something new
  std::vector<const Container*> update_state;  ///< those of which state, priority and lock holder count
  std::vector<std::string> drop;
  std::vector<const Container*> arrive;       ///< unknown and waiting
  std::vector<const Container*> arrive_held;  ///< unknown and held by us
  std::vector<std::string> enter_tail;
  std::vector<std::string> leave_tail;
};
/// C overrides B, D overrides both. A container that D finds Locked or Running, though B did not list it, is held by
/// another dispatcher: it is dropped, lest it be started or cancelled here (the reference applies such a record).
PollMerge merge_poll(const Known& known, const PolledRecords& polled, const UuidSet& hands_off);

/// What a look at single containers changes: those of `asked` that are known.
struct FetchMerge {
  std::vector<Container> update;
  std::vector<std::string> drop;
  std::vector<std::string> leave_tail;
};
/// `found`: all of `asked` that are in the database. As with merge_poll, one that was waiting and is Locked or Running
/// is held by another dispatcher, or by us without our knowing, which the next poll tells: it is dropped.
FetchMerge merge_fetched(const Known& known, const std::vector<std::string>& asked, const RecordMap& found,
                         const UuidSet& hands_off);

/// What a page of the sweep changes. Its records are those of the page.
struct TailMerge {
  std::vector<const Container*> update_state;  ///< those that say something new
  std::vector<std::string> drop;
  std::vector<const Container*> arrive;
};
/// The records say no more than uuid, state and priority, in the order of their uuids. `after`: the last uuid of the
/// previous page, empty at the start.
TailMerge merge_tail_page(const Known& known, const std::string& after, const std::vector<Container>& page,
                          const UuidSet& hands_off);

}  // namespace berth
