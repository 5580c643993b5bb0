#include "answer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "berth/arvados/records.hpp"
#include "berth/base/units.hpp"

#include "field_reader.hpp"
#include "list_reader.hpp"
#include "text.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_error_text = 1000;

// The server's sentences, or the beginning of whatever else it sent.
std::string error_text(std::string_view body) {
  auto json = parse_json(body);
  if (!json || !json->is_object() || !json->contains("errors") || !(*json)["errors"].is_array())
    return safe_excerpt(body);
  std::string out;
  for (const Json& error : (*json)["errors"]) {
    if (!error.is_string()) continue;
    if (!out.empty()) out += "; ";
    out += error.get_ref<const std::string&>();
  }
  return safe_excerpt(out, max_error_text);
}

Error mismatch(const FieldReader& fields) {
  return Error{ErrorKind::type_mismatch, fields.error()};
}

void keep_tmp_only(std::map<std::string, Mount>& mounts) {
  std::erase_if(mounts, [](const auto& mount) { return mount.second.kind != "tmp"; });
}

Result<ContainerState> read_state(FieldReader& fields) {
  std::string state;
  fields.read("state", state);
  if (fields.failed()) return fail(mismatch(fields));
  return parse_container_state(state);
}

Result<Json> items_of(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  FieldReader answer(*json, "");
  const Json& items = answer.at("items");
  if (!items.is_array()) answer.mismatch("items", "an array", items);
  if (answer.failed()) return fail(mismatch(answer));
  return std::move((*json)["items"]);
}

Result<ModifiedRecord> modified_record(const Json& value) {
  FieldReader fields(value, "");
  ModifiedRecord out;
  std::string modified_at, state;
  std::int64_t priority = 0;
  fields.read("uuid", out.uuid);
  fields.read("modified_at", modified_at);
  fields.read("container_uuid", out.container_uuid);
  fields.read("state", state);
  fields.read("priority", priority);
  if (!fields.failed() && !is_uuid(out.uuid)) fields.fail_with("uuid: want a uuid");
  if (!fields.failed() && !out.container_uuid.empty() && !is_container_uuid(out.container_uuid))
    fields.fail_with("container_uuid: want the uuid of a container");
  const auto time = parse_time(modified_at);
  if (!fields.failed() && !time) fields.fail_with("modified_at: want a time in RFC 3339 form");
  if (fields.failed()) return fail(mismatch(fields));
  out.modified_at = *time;
  out.waiting = state == "Queued" && priority > 0;
  return out;
}

std::optional<FinishedContainer> finished_container(const Json& value) {
  auto container = container_from_json(value);
  if (!container) return std::nullopt;
  FieldReader fields(value, "");
  std::string started_at, finished_at;
  fields.read("started_at", started_at);
  fields.read("finished_at", finished_at);
  const auto started = parse_time(started_at);
  const auto finished = parse_time(finished_at);
  if (fields.failed() || !started || !finished) return std::nullopt;
  keep_tmp_only(container->mounts);
  return FinishedContainer{std::move(*container), *started, *finished};
}

Result<std::vector<Container>> read_list_by_tree(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  return container_list_from_json(*json);
}

}  // namespace

Result<std::string> body_of(HttpResponse response) {
  if (response.status == 200) return std::move(response.body);
  if (response.status == 204) return std::string();
  Error error;
  error.kind = kind_of_status(response.status);
  error.http_status = response.status;
  error.message = "HTTP status " + std::to_string(response.status);
  const std::string text = error_text(response.body);
  if (!text.empty()) error.message += ": " + text;
  return fail(std::move(error));
}

CallOutcome outcome_of(const Result<HttpResponse>& response) {
  const bool overloaded = response ? response->status == 503 : response.error().kind == ErrorKind::unavailable;
  if (overloaded) return CallOutcome::overloaded;
  return response && response->status >= 200 && response->status < 400 ? CallOutcome::success : CallOutcome::other;
}

Result<std::string> token_uuid_of(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  FieldReader fields(*json, "");
  std::string uuid;
  fields.read("uuid", uuid);
  if (!fields.failed() && !is_uuid(uuid)) fields.fail_with("uuid: want the uuid of a token");
  if (fields.failed()) return fail(mismatch(fields));
  return uuid;
}

Result<ContainerUpdate> update_of(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  FieldReader fields(*json, "");
  ContainerUpdate out;
  fields.read("priority", out.priority);
  fields.read("locked_by_uuid", out.locked_by_uuid);
  auto state = read_state(fields);
  if (!state) return fail(state.error());
  out.state = *state;
  return out;
}

Result<ContainerState> state_of(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  FieldReader fields(*json, "");
  return read_state(fields);
}

Result<std::vector<Container>> containers_of(std::string_view body) {
  auto plain = read_container_list(body);
  auto containers = plain ? Result<std::vector<Container>>(std::move(*plain)) : read_list_by_tree(body);
  if (containers)
    for (Container& container : *containers) keep_tmp_only(container.mounts);
  return containers;
}

Result<std::vector<ModifiedRecord>> modified_of(std::string_view body) {
  auto items = items_of(body);
  if (!items) return fail(items.error());
  std::vector<ModifiedRecord> out;
  out.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto record = modified_record((*items)[i]);
    if (!record) return fail(record.error().within("items[" + std::to_string(i) + "]"));
    out.push_back(std::move(*record));
  }
  return out;
}

Result<FinishedPage> finished_of(std::string_view body) {
  auto items = items_of(body);
  if (!items) return fail(items.error());
  FinishedPage page;
  page.records = std::ssize(*items);
  for (const Json& item : *items)
    if (auto container = finished_container(item)) page.containers.push_back(std::move(*container));
  return page;
}

Result<void> check_asked(const ModifiedQuery& query, const std::vector<ModifiedRecord>& records) {
  std::string_view last = query.after;
  for (const ModifiedRecord& record : records) {
    if (record.uuid <= last) return fail(ErrorKind::undecodable, "the list is not in uuid order");
    last = record.uuid;
    const bool asked = query.uuids.empty() ? record.modified_at >= query.since
                                           : std::count(query.uuids.begin(), query.uuids.end(), record.uuid) > 0;
    if (!asked) return fail(ErrorKind::undecodable, "the list holds " + record.uuid + ", which was not asked for");
  }
  return {};
}

Result<std::map<std::string, Mount>> mounts_of(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  const FieldReader fields(*json, "");
  if (fields.failed()) return fail(mismatch(fields));
  auto mounts = mounts_from_json(fields.at("mounts"));
  if (mounts) keep_tmp_only(*mounts);
  return mounts;
}

}  // namespace berth
