#include "merge.hpp"

#include "judge.hpp"

namespace berth {

namespace {

bool waiting(const Container& container) {
  return container.state == ContainerState::queued && container.priority > 0;
}

/// Looks keys up that come in ascending order: in one walk over a sorted container, not from its root each time.
template <class Sorted, class KeyOf>
class Walk {
 public:
  Walk(const Sorted& sorted, KeyOf key_of) : Walk(sorted, sorted.begin(), key_of) {}
  Walk(const Sorted& sorted, typename Sorted::const_iterator from, KeyOf key_of)
      : at_(from), end_(sorted.end()), key_of_(key_of) {}

  /// The place of the key; end() if there is none.
  typename Sorted::const_iterator find(std::string_view key) {
    while (at_ != end_ && std::string_view(key_of_(*at_)) < key) ++at_;
    return at_ != end_ && std::string_view(key_of_(*at_)) == key ? at_ : end_;
  }
  bool contains(std::string_view key) { return find(key) != end_; }

 private:
  typename Sorted::const_iterator at_;
  const typename Sorted::const_iterator end_;
  const KeyOf key_of_;
};

auto walk(const std::vector<std::string>& uuids) {
  return Walk(uuids, [](const std::string& uuid) -> const std::string& { return uuid; });
}
auto walk(const RecordMap& records) {
  return Walk(records, [](const auto& pair) -> const std::string& { return pair.first; });
}
auto walk(const UuidSet& uuids) {
  return Walk(uuids, [](const std::string& uuid) -> const std::string& { return uuid; });
}
/// Over the entries beyond a uuid.
auto walk_beyond(const QueueEntries& entries, const std::string& uuid) {
  return Walk(entries, entries.upper_bound(uuid),
              [](const auto& entry) -> const std::string& { return entry->container.uuid; });
}

const Container* find(const RecordMap& records, std::string_view uuid) {
  const auto found = records.find(uuid);
  return found == records.end() ? nullptr : &found->second;
}

// An entry of the core that no list of the poll shows any more, or that D was asked for.
void merge_unlisted(const std::string& uuid, const PolledRecords& polled, PollMerge& out) {
  const Container* asked = find(polled.missing, uuid);
  const bool held_by_another =
      asked && (asked->state == ContainerState::locked || asked->state == ContainerState::running);
  if (!asked || held_by_another) return out.drop.push_back(uuid);
  out.update.push_back(asked);
  if (waiting(*asked) && !polled.window_complete) out.enter_tail.push_back(uuid);
}

/// Whether the lists B or C show containers whose uuids come in ascending order.
auto listed_in(const PolledRecords& polled) {
  return [held = walk(polled.held), same = walk(polled.held_as_known),
          window = walk(polled.window)](const std::string& uuid) mutable {
    return held.contains(uuid) || same.contains(uuid) || window.contains(uuid);
  };
}

/// The records for which `counts` holds: of known containers those into `update` of which `same` does not hold, the
/// others into `arrive`.
template <class Counts>
void merge_listed(const RecordMap& records, const Known& known, Counts counts,
                  bool same(const QueueEntry&, const Container&), std::vector<const Container*>& update,
                  std::vector<const Container*>& arrive, std::vector<std::string>& leave_tail) {
  for (const auto& [uuid, record] : records) {
    if (!counts(uuid)) continue;
    const QueueEntry* entry = known.entries.find(uuid);
    if (!entry) {
      arrive.push_back(&record);
      continue;
    }
    if (!same(*entry, record)) update.push_back(&record);
    if (known.tail.contains(uuid)) leave_tail.push_back(uuid);
  }
}

}  // namespace

std::vector<std::string> missing_uuids(const Known& known, const PolledRecords& polled) {
  std::vector<std::string> out;
  auto listed = listed_in(polled);
  for (const auto& entry : known.core)
    if (!listed(entry->container.uuid) && !is_final(entry->container.state)) out.push_back(entry->container.uuid);
  return out;
}

PollMerge merge_poll(const Known& known, const PolledRecords& polled, const UuidSet& hands_off) {
  PollMerge out;
  const auto each_unlisted = [&](const QueueEntries& entries, auto merge) {
    auto listed = listed_in(polled);
    auto off = walk(hands_off);
    for (const auto& entry : entries)
      if (const std::string& uuid = entry->container.uuid; !listed(uuid) && !off.contains(uuid)) merge(uuid);
  };
  each_unlisted(known.core, [&](const std::string& uuid) { merge_unlisted(uuid, polled, out); });
  auto changeable = [off = walk(hands_off)](const std::string& uuid) mutable { return !off.contains(uuid); };
  merge_listed(polled.window, known, changeable, same_record, out.update, out.arrive, out.leave_tail);
  auto held_alone = [changeable, window = walk(polled.window)](const std::string& uuid) mutable {
    return changeable(uuid) && !window.contains(uuid);
  };
  merge_listed(polled.held, known, held_alone, same_state, out.update_state, out.arrive_held, out.leave_tail);
  if (polled.window_complete) each_unlisted(known.tail, [&](const std::string& uuid) { out.drop.push_back(uuid); });
  return out;
}

FetchMerge merge_fetched(const Known& known, const std::vector<std::string>& asked, const RecordMap& found,
                         const UuidSet& hands_off) {
  FetchMerge out;
  for (const std::string& uuid : asked) {
    const QueueEntry* entry = known.entries.find(uuid);
    if (!entry || hands_off.contains(uuid)) continue;
    const Container* record = find(found, uuid);
    if (record && !record->unreadable.empty()) continue;
    const bool held_by_another = record && entry->container.state == ContainerState::queued &&
                                 (record->state == ContainerState::locked || record->state == ContainerState::running);
    if (!record || held_by_another) {
      out.drop.push_back(uuid);
      continue;
    }
    out.update.push_back(*record);
    const bool still_held = record->state == ContainerState::locked || record->state == ContainerState::running;
    if (still_held) out.update.back().locked_by_uuid = entry->container.locked_by_uuid;
    if (known.tail.contains(uuid) && !waiting(*record)) out.leave_tail.push_back(uuid);
  }
  return out;
}

void merge_held_page(const Known& known, const std::string& after, std::vector<Container> page, PolledRecords& polled,
                     std::vector<std::string>& unknown) {
  auto core = walk_beyond(known.core, after);
  for (Container& record : page) {
    const auto entry = core.find(record.uuid);
    if (entry != known.core.end() && record.unreadable.empty() && same_state(**entry, record)) {
      polled.held_as_known.push_back(std::move(record.uuid));
    } else if (record.unreadable.empty() && !known.entries.contains(record.uuid)) {
      unknown.push_back(std::move(record.uuid));
    } else {
      std::string uuid = record.uuid;
      polled.held.insert_or_assign(std::move(uuid), std::move(record));
    }
  }
}

TailMerge merge_tail_page(const Known& known, const std::string& after, const std::vector<Container>& page,
                          const UuidSet& hands_off) {
  TailMerge out;
  auto tail = walk_beyond(known.tail, after);
  for (const Container& record : page) {
    if (hands_off.contains(record.uuid) || !record.unreadable.empty()) continue;
    if (const auto entry = tail.find(record.uuid); entry != known.tail.end()) {
      if (!same_state(**entry, record)) out.update_state.push_back(&record);
    } else if (!known.entries.find(record.uuid)) {
      out.arrive.push_back(&record);
    }
  }
  auto listed = Walk(page, [](const Container& record) -> const std::string& { return record.uuid; });
  for (auto it = known.tail.upper_bound(after); it != known.tail.end(); ++it) {
    const std::string& uuid = (*it)->container.uuid;
    if (!page.empty() && uuid > page.back().uuid) break;
    if (!listed.contains(uuid) && !hands_off.contains(uuid)) out.drop.push_back(uuid);
  }
  return out;
}

}  // namespace berth
