#include "merge.hpp"

namespace berth {

namespace {

bool waiting(const Container& container) {
  return container.state == ContainerState::queued && container.priority > 0;
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
  out.update.push_back(*asked);
  if (waiting(*asked) && !polled.window_complete) out.enter_tail.push_back(uuid);
}

void merge_listed(const Container& record, const Known& known, std::vector<Container>& arrive, PollMerge& out) {
  if (!known.entries.find(record.uuid)) return arrive.push_back(record);
  out.update.push_back(record);
  if (known.tail.contains(record.uuid)) out.leave_tail.push_back(record.uuid);
}

}  // namespace

std::vector<std::string> missing_uuids(const Known& known, const PolledRecords& polled) {
  std::vector<std::string> out;
  for (const std::string& uuid : known.core)
    if (!polled.listed(uuid) && !is_final(known.entries.find(uuid)->container.state)) out.push_back(uuid);
  return out;
}

PollMerge merge_poll(const Known& known, const PolledRecords& polled, const UuidSet& hands_off) {
  PollMerge out;
  const auto listed_or_off = [&](const std::string& uuid) { return polled.listed(uuid) || hands_off.contains(uuid); };
  for (const std::string& uuid : known.core)
    if (!listed_or_off(uuid)) merge_unlisted(uuid, polled, out);
  for (const auto& [uuid, record] : polled.window)
    if (!hands_off.contains(uuid)) merge_listed(record, known, out.arrive, out);
  for (const auto& [uuid, record] : polled.held)
    if (!hands_off.contains(uuid) && !polled.window.contains(uuid)) merge_listed(record, known, out.arrive_held, out);
  if (polled.window_complete)
    for (const std::string& uuid : known.tail)
      if (!listed_or_off(uuid)) out.drop.push_back(uuid);
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
