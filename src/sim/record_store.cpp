#include "record_store.hpp"

#include <algorithm>
#include <charconv>

namespace berth {
namespace {

tl::unexpected<Error> not_found(const std::string& uuid) {
  return fail(ErrorKind::not_found, "no container " + uuid);
}

SimEventKind kind_of(ContainerState state) {
  switch (state) {
    case ContainerState::queued:
      return SimEventKind::unlocked;
    case ContainerState::locked:
      return SimEventKind::locked;
    case ContainerState::running:
      return SimEventKind::running;
    case ContainerState::complete:
      return SimEventKind::complete;
    case ContainerState::cancelled:
      return SimEventKind::cancelled;
  }
  return SimEventKind::unlocked;
}

bool waits(const Container& container) {
  return container.state == ContainerState::queued && container.priority > 0;
}

/// Each container has a request of its own.
std::string request_of(std::string uuid) {
  return uuid.replace(6, 5, "xvhdp");
}

std::string container_of(std::string request) {
  constexpr std::size_t at = 6;
  return request.size() < at ? std::string() : request.replace(at, 5, "dz642");
}

bool matches(const Container& c, const ContainerQuery::Filter& filter) {
  if (filter.op == "in") return std::count(filter.uuids.begin(), filter.uuids.end(), c.uuid) > 0;
  if (filter.field == "uuid") return c.uuid > filter.operand;
  if (filter.field == "priority") {
    std::int64_t bound = 0;
    std::from_chars(filter.operand.data(), filter.operand.data() + filter.operand.size(), bound);
    return c.priority > bound;
  }
  if (filter.field == "state") return to_string(c.state) == filter.operand;
  return filter.field == "locked_by_uuid" && c.locked_by_uuid == filter.operand;
}

/// Whether the filter lets all through that waits().
bool holds_of_waiting(const ContainerQuery::Filter& filter) {
  return (filter.field == "state" && filter.operand == "Queued") ||
         (filter.field == "priority" && filter.operand == "0");
}

/// A record as a page of that list shows it.
Container shown(const Container& c, const ContainerQuery& query) {
  Container out;
  if (query.brief) {
    out.uuid = c.uuid;
    out.state = c.state;
    out.priority = c.priority;
    return out;
  }
  out = c;
  out.locked_by_uuid.clear();  // not in the select list S (facts §2.2)
  if (!query.with_mounts) out.mounts.clear();
  return out;
}

const ContainerQuery::Filter* filter_of(const ContainerQuery& query, std::string_view field, std::string_view op) {
  for (const auto& filter : query.filters)
    if (filter.field == field && filter.op == op) return &filter;
  return nullptr;
}

}  // namespace

std::string_view to_string(ChangedBy by) {
  switch (by) {
    case ChangedBy::user:
      return "user";
    case ChangedBy::dispatcher:
      return "dispatcher";
    case ChangedBy::runner:
      return "runner";
  }
  return "";
}

RecordStore::RecordStore(SimCore& core, SimWatcher& watcher) : core_(core), watcher_(watcher) {
  if (core.options.faults.list_stale > 0) past_.keep(longest_stale);
}

// Ten characters of chance, so that the order of uuids says nothing, and a number for the reader.
std::string RecordStore::make_uuid() {
  std::string uuid = core_.options.cluster.id + "-dz642-";
  for (int i = 0; i < 9; ++i) uuid += "0123456789abcdefghijklmnopqrstuvwxyz"[core_.chance.between(std::int64_t{0}, 35)];
  const std::string number = std::to_string(++made_);
  return uuid.append(6 - std::min<std::size_t>(6, number.size()), '0') += number;
}

SimRecord& RecordStore::add(const WorkloadContainer& what, std::uint32_t index_in_workload, int attempt) {
  const std::string uuid = make_uuid();
  past_.changes(core_.now(), uuid, std::nullopt);
  SimRecord& record = records_[uuid];
  Container& container = record.container;
  container.uuid = uuid;
  by_uuid_.emplace(container.uuid, &record);
  container.created_at = core_.server_time();
  container.priority = container_priority(what.priority, container.created_at);
  container.container_image = what.image.empty() ? "d41d8cd98f00b204e9800998ecf8427e+0" : what.image;
  container.runtime_constraints = what.constraints;
  container.scheduling_parameters = what.scheduling;
  if (what.scratch > 0) container.mounts["/tmp"] = Mount{"tmp", what.scratch};
  record.workload_index = index_in_workload;
  record.attempt = attempt;
  record.submitted = record.changed = record.prioritized = core_.now();
  open_.insert(uuid);
  record.by_change = by_change_.emplace_hint(by_change_.end(), record.changed, record.uuid());
  record.by_priority = by_priority_.emplace_hint(by_priority_.end(), record.prioritized, record.uuid());
  index(record);
  core_.note(SimEventKind::submitted, uuid, {});
  saved(record);
  return record;
}

const SimRecord* RecordStore::find(std::string_view uuid) const {
  const auto found = by_uuid_.find(uuid);
  return found == by_uuid_.end() ? nullptr : found->second;
}

SimRecord* RecordStore::find(std::string_view uuid) {
  const auto found = by_uuid_.find(uuid);
  return found == by_uuid_.end() ? nullptr : found->second;
}

void RecordStore::saved(const SimRecord& record) {
  if (on_saved) on_saved(record.uuid(), record.container.state);
}

void RecordStore::index(const SimRecord& record) {
  const Container& c = record.container;
  if (!c.locked_by_uuid.empty()) held_.emplace(c.uuid, &record);
  if (!waits(c)) return;
  waiting_.emplace(c.uuid, &record);
  waiting_by_rank_.emplace(std::pair(-c.priority, std::string_view(c.uuid)), &record);
}

void RecordStore::unindex(const SimRecord& record) {
  const Container& c = record.container;
  if (!c.locked_by_uuid.empty()) held_.erase(c.uuid);
  if (!waits(c)) return;
  waiting_.erase(c.uuid);
  waiting_by_rank_.erase({-c.priority, c.uuid});
}

Result<ContainerUpdate> RecordStore::change(const std::string& uuid, const Rules& rules, ChangedBy by,
                                            const std::string& gateway) {
  SimRecord* record = find(uuid);
  if (!record) return not_found(uuid);
  Container& c = record->container;
  const auto next =
      rules(RecordState{c.state, c.priority, c.locked_by_uuid, record->lock_count, record->gateway_address},
            Caller{CallerRole::admin, token_uuid});
  if (!next) return fail(next.error());
  const ContainerState before = c.state;
  past_.changes(core_.now(), uuid, c);
  unindex(*record);
  c.state = next->state;
  c.locked_by_uuid = next->locked_by_uuid;
  record->lock_count = next->lock_count;
  record->too_many_attempts = record->too_many_attempts || next->too_many_attempts;
  if (next->clear_runtime_status) record->runtime_error.clear();
  if (next->clear_gateway_address) record->gateway_address.clear();
  if (!gateway.empty()) record->gateway_address = gateway;
  if (next->set_started_at) record->started = core_.now();
  if (next->set_finished_at) record->ended = core_.now();
  if (is_final(c.state)) open_.erase(uuid);
  index(*record);
  saved(*record);
  if (c.state == before) return ContainerUpdate{c.state, c.priority, c.locked_by_uuid};
  by_change_.erase(record->by_change);
  record->changed = core_.now();
  record->by_change = by_change_.emplace_hint(by_change_.end(), record->changed, record->uuid());
  core_.note(kind_of(c.state), uuid, {}, next->too_many_attempts ? "too many attempts" : to_string(by));
  watcher_.record_changed(*record, before, by);
  if (on_change) on_change(*record);
  return ContainerUpdate{c.state, c.priority, c.locked_by_uuid};
}

Result<ContainerUpdate> RecordStore::lock(const std::string& uuid) {
  return change(uuid, lock_rules, ChangedBy::dispatcher);
}

Result<ContainerUpdate> RecordStore::unlock(const std::string& uuid) {
  const auto rules = [this](const RecordState& r, const Caller& c) { return unlock_rules(r, c, max_attempts()); };
  return change(uuid, rules, ChangedBy::dispatcher);
}

Result<ContainerUpdate> RecordStore::cancel(const std::string& uuid) {
  const auto rules = [this](const RecordState& r, const Caller& c) {
    return apply_rules(r, c, ContainerState::cancelled, {}, max_attempts());
  };
  return change(uuid, rules, ChangedBy::dispatcher);
}

Result<void> RecordStore::set_error(const std::string& uuid, const std::string& text) {
  FieldChanges fields;
  fields.runtime_status = true;
  const auto rules = [&](const RecordState& r, const Caller& c) {
    return apply_rules(r, c, std::nullopt, fields, max_attempts());
  };
  auto changed = change(uuid, rules, ChangedBy::dispatcher);
  if (!changed) return fail(changed.error());
  find(uuid)->runtime_error = text;
  return {};
}

Result<ContainerState> RecordStore::state(const std::string& uuid) const {
  const SimRecord* found = find(uuid);
  if (!found) return not_found(uuid);
  return found->container.state;
}

Result<std::map<std::string, Mount>> RecordStore::mounts(const std::string& uuid) const {
  const SimRecord* found = find(uuid);
  if (!found) return not_found(uuid);
  return found->container.mounts;
}

Result<void> RecordStore::runner_update(const std::string& uuid, ContainerState state, const std::string& gateway) {
  FieldChanges fields;
  fields.gateway_address = gateway;
  const auto rules = [&](const RecordState& r, const Caller& c) {
    return apply_rules(r, c, state, fields, max_attempts());
  };
  auto changed = change(uuid, rules, ChangedBy::runner, gateway);
  if (!changed) return fail(changed.error());
  return {};
}

Result<void> RecordStore::claim(const std::string& uuid, const std::string& gateway) {
  return runner_update(uuid, ContainerState::running, gateway);
}

Result<void> RecordStore::finish(const std::string& uuid, ContainerState state) {
  return runner_update(uuid, state, {});
}

Result<void> RecordStore::give_back(const std::string& uuid) {
  return runner_update(uuid, ContainerState::queued, {});
}

void RecordStore::cancel_by_user(const std::string& uuid) {
  const auto rules = [this](const RecordState& r, const Caller& c) {
    return apply_rules(r, c, ContainerState::cancelled, {}, max_attempts());
  };
  (void)change(uuid, rules, ChangedBy::user);
}

void RecordStore::set_priority(const std::string& uuid, std::int64_t request_priority) {
  SimRecord* record = find(uuid);
  if (!record || is_final(record->container.state)) return;
  reprioritize(*record, container_priority(request_priority, record->container.created_at));
  by_priority_.erase(record->by_priority);
  record->prioritized = core_.now();
  record->by_priority = by_priority_.emplace_hint(by_priority_.end(), record->prioritized, record->uuid());
  core_.note(SimEventKind::reprioritized, uuid, {}, std::to_string(request_priority));
  if (on_saved) on_saved(request_of(uuid), std::nullopt);
  if (on_change) on_change(*record);
}

void RecordStore::reprioritize(SimRecord& record, std::int64_t priority) {
  past_.changes(core_.now(), record.uuid(), record.container);
  unindex(record);
  record.container.priority = priority;
  index(record);
}

std::optional<std::string> RecordStore::parent_of(const std::string& uuid) const {
  const auto parent = core_.options.workload[find(uuid)->workload_index].parent;
  const auto is_it = [&](const std::string& other) { return find(other)->workload_index == parent; };
  const auto found = std::ranges::find_if(open_, is_it);
  return parent && found != open_.end() ? std::optional(*found) : std::nullopt;
}

void RecordStore::pass_on_priority(const std::string& uuid) {
  const SimRecord* parent = find(uuid);
  if (!parent || is_final(parent->container.state)) return;
  const Workload& workload = core_.options.workload;
  for (const std::string& open : std::vector(open_.begin(), open_.end())) {
    SimRecord& child = *find(open);
    if (workload[child.workload_index].parent != parent->workload_index) continue;
    reprioritize(child, parent->container.priority);
    child.inherited = core_.now();
    core_.note(SimEventKind::reprioritized, open, {}, "as its parent");
    if (on_change) on_change(child);
    pass_on_priority(open);
  }
}

std::vector<std::string_view> RecordStore::since(const ByTime& index, SteadyTime when) {
  std::vector<std::string_view> uuids;
  for (auto it = index.lower_bound({when, {}}); it != index.end(); ++it) uuids.push_back(it->second);
  std::sort(uuids.begin(), uuids.end());
  return uuids;
}

/// Of those asked for by uuid, or of those modified since then.
std::vector<std::string_view> RecordStore::candidates(const ModifiedQuery& query) const {
  const bool requests = query.of == ModifiedQuery::Of::requests;
  if (query.uuids.empty()) {
    // As the server's clock tells: it goes as the world does.
    const SteadyTime since_then = core_.now() - (core_.server_time() - query.since);
    return since(requests ? by_priority_ : by_change_, since_then);
  }
  std::set<std::string_view> asked;
  for (const std::string& uuid : query.uuids)
    if (const SimRecord* found = find(requests ? container_of(uuid) : uuid)) asked.insert(found->uuid());
  return {asked.begin(), asked.end()};
}

Result<std::vector<ModifiedRecord>> RecordStore::list_modified(const ModifiedQuery& query) const {
  const bool requests = query.of == ModifiedQuery::Of::requests;
  const std::int64_t limit = page_limit(query.limit);
  std::vector<ModifiedRecord> page;
  for (const std::string_view changed : candidates(query)) {
    const SimRecord& record = *find(changed);
    const ContainerState state = record.container.state;
    if (requests ? is_final(state) : state != ContainerState::queued && state != ContainerState::cancelled) continue;
    ModifiedRecord line;
    line.uuid = requests ? request_of(record.uuid()) : record.uuid();
    // As in Arvados, a change of priority leaves the container's own time alone (facts §2.4).
    line.modified_at = server_time_at(requests ? record.prioritized : record.changed);
    if (requests) line.container_uuid = record.uuid();
    line.waiting = !requests && state == ContainerState::queued && record.container.priority > 0;
    if (line.uuid > query.after) page.push_back(std::move(line));
    if (std::ssize(page) == limit) break;
  }
  return page;
}

Result<FinishedPage> RecordStore::list_finished(const FinishedQuery& query) const {
  const std::int64_t limit = page_limit(query.limit);
  std::int64_t skip = query.offset;
  FinishedPage page;
  for (auto at = by_change_.rbegin(); at != by_change_.rend() && page.records < limit; ++at) {
    const WallTime changed = server_time_at(at->first);
    if (changed < query.since) break;
    const SimRecord& record = *find(at->second);
    if (changed > query.until || record.container.state != ContainerState::complete || skip-- > 0) continue;
    ++page.records;
    if (record.started && record.ended)
      page.containers.push_back({record.container, server_time_at(*record.started), server_time_at(*record.ended)});
  }
  return page;
}

Result<std::vector<Container>> RecordStore::list_as_of(const ContainerQuery& query, SteadyTime when) const {
  const auto changed = past_.since(when);
  std::vector<const Container*> found;
  const auto take = [&](const Container& c) {
    const auto lets_through = [&](const auto& filter) { return matches(c, filter); };
    if (std::all_of(query.filters.begin(), query.filters.end(), lets_through)) found.push_back(&c);
  };
  for (const auto& [uuid, record] : records_) {
    const auto old = changed.find(uuid);
    if (old == changed.end())
      take(record.container);
    else if (old->second)
      take(*old->second);
  }
  if (query.order == "priority desc") std::ranges::stable_sort(found, std::greater{}, &Container::priority);
  std::vector<Container> page;
  for (auto at = static_cast<std::size_t>(query.offset);
       at < found.size() && std::ssize(page) < page_limit(query.limit); ++at)
    page.push_back(shown(*found[at], query));
  return page;
}

std::int64_t RecordStore::page_limit(std::int64_t asked) const {
  constexpr std::int64_t unless_asked = 100;
  return std::min(asked > 0 ? asked : unless_asked, core_.options.api.max_page);
}

Result<std::vector<Container>> RecordStore::list(const ContainerQuery& query) const {
  const std::int64_t limit = page_limit(query.limit);
  std::int64_t skip = query.offset;
  std::vector<Container> page;
  std::vector<const ContainerQuery::Filter*> filters;
  const auto filter_all_but = [&](auto implied) {
    for (const auto& filter : query.filters)
      if (!implied(filter)) filters.push_back(&filter);
  };
  const auto take = [&](const SimRecord& record) {
    const Container& c = record.container;
    for (const auto* filter : filters)
      if (!matches(c, *filter)) return true;
    if (skip-- > 0) return true;
    page.push_back(shown(c, query));
    return std::ssize(page) < limit;
  };
  const auto take_from = [&](const Index& index) {
    const auto* after = filter_of(query, "uuid", ">");
    page.reserve(std::min(static_cast<std::size_t>(limit), index.size()));
    for (auto it = after ? index.upper_bound(after->operand) : index.begin(); it != index.end() && take(*it->second);
         ++it) {
    }
  };
  if (const auto* by_uuid = filter_of(query, "uuid", "in")) {
    Index asked;
    for (const std::string& uuid : by_uuid->uuids)
      if (const SimRecord* found = find(uuid)) asked.emplace(found->uuid(), found);
    filter_all_but([](const auto& filter) { return filter.op == "in"; });
    take_from(asked);
  } else if (filter_of(query, "locked_by_uuid", "=")) {
    filter_all_but([](const auto& filter) { return filter.field == "uuid"; });
    take_from(held_);
  } else if (query.order == "priority desc") {
    filter_all_but(holds_of_waiting);
    for (auto it = waiting_by_rank_.begin(); it != waiting_by_rank_.end() && take(*it->second); ++it) {
    }
  } else {
    filter_all_but([](const auto& filter) { return filter.field == "uuid" || holds_of_waiting(filter); });
    take_from(waiting_);
  }
  return page;
}

}  // namespace berth
