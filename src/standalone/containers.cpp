#include "containers.hpp"

#include <optional>
#include <span>

#include "berth/base/units.hpp"

#include "requests.hpp"

namespace berth {
namespace {

using State = ContainerState;

/// Fields that only the holder of the lock may change (facts §2.4), and those that belong with them.
constexpr std::string_view kProgress[] = {"progress",  "subrequests_cost", "cost",
                                          "log",       "output",           "output_properties",
                                          "exit_code", "gateway_address",  "interactive_session_started"};

Result<RecordState> read_state(Database& database, const std::string& uuid) {
  RecordState record;
  bool found = false;
  Result<State> state = State::queued;
  auto done = database.query(
      "SELECT state, priority, locked_by_uuid, lock_count, gateway_address FROM containers WHERE uuid = ?", {uuid},
      [&](const SqlRow& row) {
        found = true;
        state = parse_container_state(row.text(0));
        record = {State::queued, row.integer(1), std::string(row.text(2)), row.integer(3), std::string(row.text(4))};
        return false;
      });
  if (!done) return fail(done.error());
  if (!found) return fail(ErrorKind::not_found, "container " + uuid + " not found");
  if (!state) return fail(ErrorKind::server_error, "container " + uuid + " is damaged: " + state.error().message);
  record.state = *state;
  return record;
}

SqlValue text_or_null(const std::string& text) {
  return text.empty() ? SqlValue() : SqlValue(text);
}

/// What the dispatcher needs to look at at once. It knows what it locked, and does nothing when a runner starts or
/// reports progress: its next poll is soon enough for that.
void note_news(EditContext& edit, const std::string& uuid, const RecordState& before, const Transition& next,
               const Changes& changes) {
  const bool onward = next.state == State::locked || next.state == State::running;
  if (changes.contains("priority"))
    edit.news.push_back({uuid, std::nullopt});
  else if (next.state != before.state && !onward)
    edit.news.push_back({uuid, next.state});
}

/// Writes a transition that the rules allowed, and what comes with it.
Result<void> store(EditContext& edit, const std::string& uuid, const RecordState& before, const Transition& next,
                   Changes changes) {
  const std::string now = edit.now();
  changes["state"] = std::string(to_string(next.state));
  changes["locked_by_uuid"] = text_or_null(next.locked_by_uuid);
  changes["lock_count"] = next.lock_count;
  changes["modified_at"] = now;
  if (next.set_started_at) changes["started_at"] = now;
  if (next.set_finished_at) changes.try_emplace("finished_at", now);
  if (next.clear_runtime_status) changes["runtime_status"] = "{}";
  if (next.clear_gateway_address) changes["gateway_address"] = SqlValue();
  if (next.too_many_attempts)
    changes["runtime_status"] = json_text({{"error", "Failed to start: locked and unlocked again " +
                                                         std::to_string(next.lock_count) + " times without running"}});
  if (auto updated = update_record(edit.database, kContainers, uuid, changes); !updated) return updated;
  note_news(edit, uuid, before, next, changes);
  edit.note_event(uuid, std::string(to_string(before.state)), std::string(to_string(next.state)));
  if (is_final(next.state) && !is_final(before.state)) return settle_request(edit, uuid, next.state);
  return {};
}

bool has_any(const Changes& changes, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    if (changes.contains(name)) return true;
  return false;
}

FieldChanges changed_fields(const Changes& changes) {
  FieldChanges fields;
  fields.priority = changes.contains("priority");
  fields.progress = has_any(changes, kProgress);
  fields.runtime_status = changes.contains("runtime_status");
  fields.log = changes.contains("log");
  if (const auto at = changes.find("gateway_address"); at != changes.end())
    fields.gateway_address = std::get<std::string>(at->second);
  return fields;
}

/// What the table of rules leaves to the record's keeper: when fields may change at all.
Result<void> check_moment(const RecordState& before, const Transition& next, const FieldChanges& fields,
                          const Changes& changes) {
  const bool ends = is_final(next.state) && next.state != before.state;
  const bool held = before.state == State::locked || before.state == State::running;
  if (fields.progress && !held && !ends)
    return fail(ErrorKind::conflict,
                "fields of progress cannot be changed while " + std::string(to_string(before.state)));
  if (fields.priority && is_final(before.state))
    return fail(ErrorKind::conflict, "priority cannot be changed while " + std::string(to_string(before.state)));
  if (changes.contains("finished_at") && !ends)
    return fail(ErrorKind::conflict, "finished_at can be set only when the container ends");
  if (const auto at = changes.find("locked_by_uuid"); at != changes.end()) {
    const auto* wanted = std::get_if<std::string>(&at->second);
    if ((wanted ? *wanted : std::string()) != next.locked_by_uuid)
      return fail(ErrorKind::conflict, "locked_by_uuid cannot be set to that value");
  }
  return {};
}

}  // namespace

Result<std::string> lock_container(EditContext& edit, const std::string& uuid, const Columns& columns) {
  const auto before = read_state(edit.database, uuid);
  if (!before) return fail(before.error());
  const auto next = lock_rules(*before, root_caller(edit.options));
  if (!next) return fail(next.error());
  if (auto stored = store(edit, uuid, *before, *next, {}); !stored) return fail(stored.error());
  return read_record(edit.database, kContainers, uuid, columns);
}

Result<std::string> unlock_container(EditContext& edit, const std::string& uuid, const Columns& columns) {
  const auto before = read_state(edit.database, uuid);
  if (!before) return fail(before.error());
  const auto next = unlock_rules(*before, root_caller(edit.options), edit.options.max_dispatch_attempts);
  if (!next) return fail(next.error());
  if (auto stored = store(edit, uuid, *before, *next, {}); !stored) return fail(stored.error());
  return read_record(edit.database, kContainers, uuid, columns);
}

Result<std::string> update_container(EditContext& edit, const std::string& uuid, Changes changes,
                                     const Columns& columns) {
  const auto before = read_state(edit.database, uuid);
  if (!before) return fail(before.error());
  std::optional<State> wanted;
  if (const auto at = changes.find("state"); at != changes.end())
    wanted = parse_container_state(std::get<std::string>(at->second)).value();
  const FieldChanges fields = changed_fields(changes);
  const auto next = apply_rules(*before, root_caller(edit.options), wanted, fields, edit.options.max_dispatch_attempts);
  if (!next) return fail(next.error());
  if (auto timely = check_moment(*before, *next, fields, changes); !timely) return fail(timely.error());
  if (auto stored = store(edit, uuid, *before, *next, std::move(changes)); !stored) return fail(stored.error());
  return read_record(edit.database, kContainers, uuid, columns);
}

Result<void> cancel_if_queued(EditContext& edit, const std::string& uuid) {
  const auto before = read_state(edit.database, uuid);
  if (!before) return fail(before.error());
  if (before->state != State::queued) return {};
  const auto next =
      apply_rules(*before, root_caller(edit.options), State::cancelled, {}, edit.options.max_dispatch_attempts);
  if (!next) return fail(next.error());
  Changes why{{"runtime_status", json_text({{"error", "cancelled by the user before it ran"}})}};
  return store(edit, uuid, *before, *next, std::move(why));
}

Result<void> make_container(EditContext& edit, const std::string& request_uuid) {
  std::string command, scheduling, created_at;
  std::int64_t priority = 0;
  auto read = edit.database.query(
      "SELECT command, scheduling_parameters, created_at, priority FROM container_requests WHERE uuid = ?",
      {request_uuid}, [&](const SqlRow& row) {
        command = row.text(0);
        scheduling = row.text(1);
        created_at = row.text(2);
        priority = row.integer(3);
        return false;
      });
  if (!read) return read;
  if (command.starts_with("[\"arvados-cwl-runner\"")) {  // facts §2.4
    auto parameters = nlohmann::json::parse(scheduling, nullptr, false);
    if (parameters.is_object()) {
      parameters["supervisor"] = true;
      scheduling = json_text(parameters);
    }
  }
  const auto created = parse_time(created_at);
  if (!created) return fail(ErrorKind::server_error, "request " + request_uuid + " is damaged: created_at");
  const std::string uuid = edit.new_uuid(kContainers.uuid_type), now = edit.now();
  auto made = edit.database.execute(
      "INSERT INTO containers (uuid, state, priority, created_at, modified_at, command, cwd, environment,"
      " container_image, mounts, runtime_constraints, scheduling_parameters, output_path)"
      " SELECT ?, 'Queued', ?, ?, ?, command, cwd, environment, container_image, mounts, runtime_constraints, ?,"
      " output_path FROM container_requests WHERE uuid = ?",
      {uuid, container_priority(priority, *created), now, now, scheduling, request_uuid});
  if (!made) return made;
  edit.news.push_back({uuid, State::queued});
  edit.note_event(uuid, std::nullopt, "Queued");
  return edit.database.execute(
      "UPDATE container_requests SET container_uuid = ?, container_count = container_count + 1, modified_at = ?"
      " WHERE uuid = ?",
      {uuid, now, request_uuid});
}

}  // namespace berth
