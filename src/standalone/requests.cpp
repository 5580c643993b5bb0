#include "requests.hpp"

#include <algorithm>

#include "berth/base/units.hpp"

#include "attributes.hpp"

namespace berth {
namespace {

struct Request {
  std::string state;
  std::int64_t priority = 0;
  std::string container_uuid;
  WallTime created_at{};
  bool has_command = false;
};

constexpr std::string_view kAlwaysChangeable[] = {"name", "description", "properties", "output_name", "state"};
constexpr std::string_view kChangeableWhenCommitted[] = {"priority", "container_count_max"};

Result<Request> read_request(Database& database, const std::string& uuid) {
  Request request;
  bool found = false;
  auto done = database.query(
      "SELECT state, priority, container_uuid, created_at, command FROM container_requests WHERE uuid = ?", {uuid},
      [&](const SqlRow& row) {
        found = true;
        request.state = row.text(0);
        request.priority = row.integer(1);
        request.container_uuid = row.text(2);
        request.created_at = parse_time(row.text(3)).value_or(WallTime{});
        request.has_command = row.text(4) != "[]";
        return false;
      });
  if (!done) return fail(done.error());
  if (!found) return fail(ErrorKind::not_found, "container_request " + uuid + " not found");
  return request;
}

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Result<void> check_changeable(const Request& request, const Changes& changes) {
  if (request.state == "Uncommitted") return {};
  for (const auto& [name, value] : changes) {
    const bool unchanged_priority = name == "priority" && value == SqlValue(request.priority);
    const bool committed = request.state == "Committed" && contains(kChangeableWhenCommitted, name);
    if (contains(kAlwaysChangeable, name) || committed || unchanged_priority) continue;
    return fail(ErrorKind::conflict, name + ": cannot be changed while the request is " + request.state);
  }
  const auto state = changes.find("state");
  if (state != changes.end() && state->second != SqlValue(request.state))
    return fail(ErrorKind::conflict, "state: cannot change from " + request.state);
  return {};
}

/// The request's own priority goes on to its container, unless that has ended. As in Arvados, `modified_at` of the
/// container stays (facts §2.4).
Result<void> pass_priority_on(EditContext& edit, const Request& request, std::int64_t priority) {
  edit.news.push_back({request.container_uuid, std::nullopt});
  return edit.database.execute(
      "UPDATE containers SET priority = ? WHERE uuid = ? AND state IN ('Queued', 'Locked', 'Running')",
      {container_priority(priority, request.created_at), request.container_uuid});
}

Result<void> commit(EditContext& edit, const std::string& uuid) {
  const auto request = read_request(edit.database, uuid);
  if (!request) return fail(request.error());
  if (!request->has_command) return fail(ErrorKind::invalid, "command: missing");
  return make_container(edit, uuid);
}

}  // namespace

Result<std::string> create_request(EditContext& edit, const Changes& changes, const Columns& columns) {
  Changes record = request_defaults();
  for (const auto& [name, value] : changes) record[name] = value;
  const std::string uuid = edit.new_uuid(kRequests.uuid_type);
  const std::string now = edit.now();
  record["uuid"] = uuid;
  record["created_at"] = now;
  record["modified_at"] = now;
  if (auto inserted = insert_record(edit.database, kRequests, record); !inserted) return fail(inserted.error());
  edit.note_event(uuid, std::nullopt, std::get<std::string>(record["state"]));
  if (record["state"] == SqlValue("Committed"))
    if (auto committed = commit(edit, uuid); !committed) return fail(committed.error());
  return read_record(edit.database, kRequests, uuid, columns);
}

Result<std::string> update_request(EditContext& edit, const std::string& uuid, Changes changes,
                                   const Columns& columns) {
  const auto request = read_request(edit.database, uuid);
  if (!request) return fail(request.error());
  if (auto checked = check_changeable(*request, changes); !checked) return fail(checked.error());
  const bool commits =
      request->state == "Uncommitted" && changes.contains("state") && changes["state"] == SqlValue("Committed");
  const auto priority = changes.find("priority");
  if (request->state == "Committed" && priority != changes.end())
    if (auto passed = pass_priority_on(edit, *request, std::get<std::int64_t>(priority->second)); !passed)
      return fail(passed.error());
  changes["modified_at"] = edit.now();
  if (auto updated = update_record(edit.database, kRequests, uuid, changes); !updated) return fail(updated.error());
  edit.note_event(uuid, request->state, commits ? "Committed" : request->state);
  if (commits)
    if (auto committed = commit(edit, uuid); !committed) return fail(committed.error());
  return read_record(edit.database, kRequests, uuid, columns);
}

Result<std::string> cancel_request(EditContext& edit, const std::string& uuid, const Columns& columns) {
  const auto request = read_request(edit.database, uuid);
  if (!request) return fail(request.error());
  if (request->state == "Final") return read_record(edit.database, kRequests, uuid, columns);
  if (auto updated = update_request(edit, uuid, {{"priority", std::int64_t{0}}}, columns); !updated) return updated;
  if (!request->container_uuid.empty())
    if (auto cancelled = cancel_if_queued(edit, request->container_uuid); !cancelled) return fail(cancelled.error());
  return read_record(edit.database, kRequests, uuid, columns);
}

Result<void> settle_request(EditContext& edit, const std::string& container_uuid, ContainerState ended) {
  std::vector<std::pair<std::string, bool>> requests;  // uuid, tries again
  auto done = edit.database.query(
      "SELECT r.uuid, r.priority > 0 AND r.container_count < r.container_count_max"
      " AND COALESCE(json_type(c.runtime_status, '$.permanent'), '') != 'true'"
      " FROM container_requests r JOIN containers c ON c.uuid = r.container_uuid"
      " WHERE c.uuid = ? AND r.state = 'Committed'",
      {container_uuid}, [&](const SqlRow& row) {
        requests.emplace_back(row.text(0), ended == ContainerState::cancelled && row.integer(1) != 0);
        return true;
      });
  if (!done) return done;
  for (const auto& [uuid, again] : requests) {
    auto settled =
        again ? make_container(edit, uuid)
              : edit.database.execute("UPDATE container_requests SET state = 'Final', modified_at = ? WHERE uuid = ?",
                                      {edit.now(), uuid});
    if (!settled) return settled;
    edit.note_event(uuid, "Committed", again ? "Committed" : "Final");
  }
  return {};
}

}  // namespace berth
