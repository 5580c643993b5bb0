#include "verbs.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "berth/base/units.hpp"
#include "berth/model/container.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

const std::string kRequests = "/arvados/v1/container_requests";
const std::string kContainers = "/arvados/v1/containers";

std::string text_of(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

bool is_request(const std::string& uuid) {
  return uuid.size() == 27 && uuid.compare(6, 5, "xvhdp") == 0;
}

/// Rows of equal width columns; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], row[i].size());
    }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(width[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

Result<Json> request_attributes(const SubmitOptions& options) {
  const auto ram = parse_bytes(options.ram);
  if (!ram) return fail(ram.error().within("--ram"));
  const auto scratch = parse_bytes(options.scratch);
  if (!scratch) return fail(scratch.error().within("--scratch"));
  Json environment = Json::object();
  for (const std::string& pair : options.environment) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorKind::invalid, "--env " + pair + ": want KEY=value");
    environment[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  Json attributes = {{"state", "Committed"},
                     {"name", options.name.empty() ? options.command.front() : options.name},
                     {"command", options.command},
                     {"environment", std::move(environment)},
                     {"priority", options.priority},
                     {"container_count_max", 1},
                     {"runtime_constraints", {{"vcpus", options.vcpus}, {"ram", *ram}}},
                     {"scheduling_parameters", {{"max_run_time", options.max_run_time}}}};
  if (!options.cwd.empty()) attributes["cwd"] = options.cwd;
  if (*scratch > 0) attributes["mounts"] = {{"/tmp", {{"kind", "tmp"}, {"capacity", *scratch}}}};
  return attributes;
}

/// The container of a request, or the uuid itself.
Result<std::string> container_of(DaemonConnection& connection, const std::string& uuid) {
  if (!is_request(uuid)) {
    if (!is_container_uuid(uuid))
      return fail(ErrorKind::invalid, "'" + uuid + "' is no uuid of a container or a request");
    return uuid;
  }
  const auto request = connection.api("GET", kRequests + '/' + uuid, {});
  if (!request) return fail(request.error());
  std::string container = text_of(*request, "container_uuid");
  if (container.empty()) return fail(ErrorKind::not_found, uuid + " has no container yet");
  return container;
}

Result<Json> wait_until_final(DaemonConnection& connection, const std::string& container) {
  for (;;) {
    auto record = connection.api("GET", kContainers + '/' + container, {});
    if (!record) return record;
    if (const auto state = parse_container_state(text_of(*record, "state")); state && is_final(*state)) return record;
    connection.wait(100ms);
  }
}

/// What became of a final container.
std::string ending(const Json& record) {
  if (text_of(record, "state") == "Complete") {
    const auto exit_code = record.find("exit_code");
    return "exit " + (exit_code == record.end() ? std::string("-") : exit_code->dump());
  }
  const auto status = record.find("runtime_status");
  return status != record.end() && status->is_object() ? text_of(*status, "error") : std::string();
}

/// Rows of the containers that ended last; the dispatcher's own queue forgets them.
Result<void> add_finished(DaemonConnection& connection, const std::map<std::string, std::string>& names,
                          std::vector<std::vector<std::string>>& rows) {
  const Json filters = Json::array({Json::array({"state", "in", Json::array({"Complete", "Cancelled"})})});
  const auto answer = connection.api(
      "GET", kContainers,
      {{"filters", filters.dump()}, {"order", "finished_at desc"}, {"limit", "1000"}, {"count", "none"}});
  if (!answer) return fail(answer.error());
  for (const Json& record : answer->at("items")) {
    const std::string uuid = text_of(record, "uuid");
    const auto name = names.find(uuid);
    rows.push_back({uuid, text_of(record, "state"), record.at("priority").dump(),
                    text_of(record, "created_at").substr(11, 8), "-", name == names.end() ? "-" : name->second,
                    ending(record)});
  }
  return {};
}

/// Names that users gave, by container.
std::map<std::string, std::string> request_names(DaemonConnection& connection) {
  std::map<std::string, std::string> names;
  const auto answer =
      connection.api("GET", kRequests, {{"limit", "1000"}, {"order", "created_at desc"}, {"count", "none"}});
  if (answer && answer->contains("items") && (*answer)["items"].is_array())
    for (const Json& request : (*answer)["items"]) names[text_of(request, "container_uuid")] = text_of(request, "name");
  return names;
}

}  // namespace

Result<int> submit(DaemonConnection& connection, const SubmitOptions& options) {
  const auto attributes = request_attributes(options);
  if (!attributes) return fail(attributes.error());
  const auto request = connection.api("POST", kRequests, {{"container_request", attributes->dump()}});
  if (!request) return fail(request.error());
  const std::string container = text_of(*request, "container_uuid");
  std::printf("%s\n", container.c_str());
  if (!options.wait) return 0;
  std::fflush(stdout);
  const auto record = wait_until_final(connection, container);
  if (!record) return fail(record.error());
  if (text_of(*record, "state") == "Cancelled") {
    const auto status = record->find("runtime_status");
    const std::string why = status != record->end() && status->is_object() ? text_of(*status, "error") : "";
    return fail(ErrorKind::failed, container + " was cancelled" + (why.empty() ? "" : ": " + why));
  }
  const auto exit_code = record->find("exit_code");
  return exit_code != record->end() && exit_code->is_number_integer() ? exit_code->get<int>() : 0;
}

Result<void> show_queue(DaemonConnection& connection, bool all) {
  const auto queue = connection.manage("GET", "/arvados/v1/dispatch/containers", {});
  if (!queue) return fail(queue.error());
  const auto names = request_names(connection);
  const auto item_list = queue->find("items");
  std::vector<std::vector<std::string>> rows{{"CONTAINER", "STATE", "PRIORITY", "SEEN", "TYPES", "NAME", "STATUS"}};
  if (item_list != queue->end() && item_list->is_array())
    for (const Json& item : *item_list) {
      const Json& container = item.at("container");
      const std::string state = text_of(container, "state");
      if (state == "Complete" || state == "Cancelled") continue;
      const std::string uuid = text_of(container, "uuid");
      const auto name = names.find(uuid);
      const auto types = item.find("instance_types");
      std::string type_names;
      if (types != item.end() && types->is_array())
        for (const Json& type : *types) type_names += (type_names.empty() ? "" : ",") + text_of(type, "ProviderType");
      rows.push_back({uuid, state, container.at("priority").dump(), text_of(item, "first_seen_at").substr(11, 8),
                      type_names, name == names.end() ? "-" : name->second, text_of(item, "scheduling_status")});
    }
  if (all)
    if (auto added = add_finished(connection, names, rows); !added) return added;
  print_table(rows);
  return {};
}

Result<void> show_instances(DaemonConnection& connection) {
  const auto answer = connection.manage("GET", "/arvados/v1/dispatch/instances", {});
  if (!answer) return fail(answer.error());
  std::vector<std::vector<std::string>> rows{{"INSTANCE", "STATE", "IDLE", "TYPE", "$/H", "RUNNING"}};
  const auto item_list = answer->find("items");
  if (item_list != answer->end() && item_list->is_array())
    for (const Json& item : *item_list) {
      std::string running;
      const auto containers = item.find("running_container_uuids");
      if (containers != item.end() && containers->is_array())
        for (const Json& uuid : *containers) running += (running.empty() ? "" : ",") + uuid.get<std::string>();
      const std::string id = text_of(item, "instance");
      rows.push_back({id.empty() ? "-" : id, text_of(item, "worker_state"), text_of(item, "idle_behavior"),
                      text_of(item, "arvados_instance_type"), item.at("price").dump(),
                      running.empty() ? "-" : running});
    }
  print_table(rows);
  return {};
}

Result<void> show_logs(DaemonConnection& connection, const std::string& uuid, bool follow) {
  const auto container = container_of(connection, uuid);
  if (!container) return fail(container.error());
  std::size_t offset = 0;
  for (bool final = false;;) {
    // The state is read before the log, so that the last turn sees all of it.
    const auto record = connection.api("GET", kContainers + '/' + *container, {});
    if (!record) return fail(record.error());
    const auto state = parse_container_state(text_of(*record, "state"));
    final = state && is_final(*state);
    const auto piece =
        connection.api_text("/berth/v1/containers/" + *container + "/log", {{"offset", std::to_string(offset)}});
    if (!piece) return fail(piece.error());
    std::fwrite(piece->data(), 1, piece->size(), stdout);
    std::fflush(stdout);
    offset += piece->size();
    if (!follow || final) return {};
    connection.wait(200ms);
  }
}

Result<void> cancel(DaemonConnection& connection, const std::string& uuid) {
  std::vector<std::string> requests;
  if (is_request(uuid)) {
    requests.push_back(uuid);
  } else {
    const auto container = container_of(connection, uuid);
    if (!container) return fail(container.error());
    const Json filters = Json::array({Json::array({"container_uuid", "=", uuid})});
    const auto answer = connection.api("GET", kRequests, {{"filters", filters.dump()}, {"count", "none"}});
    if (!answer) return fail(answer.error());
    for (const Json& request : answer->at("items")) requests.push_back(text_of(request, "uuid"));
    if (requests.empty()) return fail(ErrorKind::not_found, uuid + ": no request asks for this container");
  }
  for (const std::string& request : requests) {
    const auto done = connection.api("PUT", kRequests + '/' + request, {{"container_request", R"({"priority":0})"}});
    if (!done) return fail(done.error());
    std::printf("%s: priority is 0 now; what runs is being stopped\n", request.c_str());
  }
  return {};
}

Result<void> instance_verb(DaemonConnection& connection, const std::string& verb, const std::string& instance) {
  const auto done = connection.manage("POST", "/arvados/v1/dispatch/instances/" + verb, {{"instance_id", instance}});
  if (!done) return fail(done.error());
  std::printf("%s: %s\n", instance.c_str(), verb.c_str());
  return {};
}

}  // namespace berth
