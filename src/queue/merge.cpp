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
  Walk(const Sorted& sorted, KeyOf key_of) : at_(sorted.begin()), end_(sorted.end()), key_of_(key_of) {}

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

auto walk(const RecordMap& records) {
  return Walk(records, [](const auto& pair) -> const std::string& { return pair.first; });
}
auto walk(const UuidSet& uuids) {
  return Walk(uuids, [](const std::string& uuid) -> const std::string& { return uuid; });
}
auto walk(const QueueEntries& entries) {
  return Walk(entries, [](const auto& entry) -> const std::string& { return entry->container.uuid; });
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

bool says_something_new(const Container& record, const QueueEntry& known) {
  return record.locked_by_uuid != known.container.locked_by_uuid || !same_record(record, known.container);
}

/// The records for which `counts` holds: of known containers, or into `arrive`.
template <class Counts>
void merge_listed(const RecordMap& records, const Known& known, Counts counts, std::vector<Container>& arrive,
                  PollMerge& out) {
  auto entries = walk(known.entries);
  auto tail = walk(known.tail);
  for (const auto& [uuid, record] : records) {
    if (!counts(uuid)) continue;
    const auto entry = entries.find(uuid);
    if (entry == known.entries.end()) {
      arrive.push_back(record);
      continue;
    }
    if (says_something_new(record, **entry)) out.update.push_back(&record);
    if (tail.contains(uuid)) out.leave_tail.push_back(uuid);
  }
}

}  // namespace

std::vector<std::string> missing_uuids(const Known& known, const PolledRecords& polled) {
  std::vector<std::string> out;
  auto held = walk(polled.held);
  auto window = walk(polled.window);
  for (const std::string& uuid : known.core)
    if (!held.contains(uuid) && !window.contains(uuid) && !is_final(known.entries.find(uuid)->container.state))
      out.push_back(uuid);
  return out;
}

PollMerge merge_poll(const Known& known, const PolledRecords& polled, const UuidSet& hands_off) {
  PollMerge out;
  const auto each_unlisted = [&](const UuidSet& uuids, auto merge) {
    auto held = walk(polled.held);
    auto window = walk(polled.window);
    auto off = walk(hands_off);
    for (const std::string& uuid : uuids)
      if (!held.contains(uuid) && !window.contains(uuid) && !off.contains(uuid)) merge(uuid);
  };
  each_unlisted(known.core, [&](const std::string& uuid) { merge_unlisted(uuid, polled, out); });
  auto changeable = [off = walk(hands_off)](const std::string& uuid) mutable { return !off.contains(uuid); };
  merge_listed(polled.window, known, changeable, out.arrive, out);
  auto held_alone = [changeable, window = walk(polled.window)](const std::string& uuid) mutable {
    return changeable(uuid) && !window.contains(uuid);
  };
  merge_listed(polled.held, known, held_alone, out.arrive_held, out);
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

TailMerge merge_tail_page(const Known& known, const std::string& after, const std::vector<Container>& page,
                          const UuidSet& hands_off) {
  TailMerge out;
  UuidSet listed;
  for (const Container& record : page) {
    listed.insert(record.uuid);
    if (hands_off.contains(record.uuid) || !record.unreadable.empty()) continue;
    if (known.tail.contains(record.uuid)) {
      out.update.push_back(known.entries.find(record.uuid)->container);
      out.update.back().state = record.state;
      out.update.back().priority = record.priority;
    } else if (!known.entries.find(record.uuid)) {
      out.arrive.push_back(record);
    }
  }
  const auto end = page.empty() ? known.tail.end() : known.tail.upper_bound(page.back().uuid);
  for (auto it = known.tail.upper_bound(after); it != end; ++it)
    if (!listed.contains(*it) && !hands_off.contains(*it)) out.drop.push_back(*it);
  return out;
}

}  // namespace berth
