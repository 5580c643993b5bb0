#include "records.hpp"

#include <algorithm>

#include "berth/model/container.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

const std::string kRequests = "/arvados/v1/container_requests";
const std::string kContainers = "/arvados/v1/containers";
/// So many uuids fit into a URL.
constexpr std::size_t kNamesAtOnce = 100;

bool is_request_uuid(const std::string& uuid) {
  return is_uuid(uuid) && uuid.compare(6, 5, "xvhdp") == 0;
}

Result<void> check_uuid(const std::string& uuid) {
  if (is_request_uuid(uuid) || is_container_uuid(uuid)) return {};
  return fail(ErrorKind::invalid, "'" + uuid + "' is no uuid of a container or a request");
}

Json filter(const char* field, const char* comparison, Json value) {
  return Json::array({Json::array({field, comparison, std::move(value)})});
}

}  // namespace

Result<Json> read_container(DaemonConnection& connection, const std::string& uuid) {
  return connection.api("GET", kContainers + '/' + uuid, {});
}

Result<Json> read_request(DaemonConnection& connection, const std::string& uuid) {
  return connection.api("GET", kRequests + '/' + uuid, {});
}

bool is_final_record(const Json& record) {
  const auto state = parse_container_state(text_of(record, "state"));
  return state && is_final(*state);
}

Result<std::string> container_of(DaemonConnection& connection, const std::string& uuid) {
  if (auto checked = check_uuid(uuid); !checked) return fail(checked.error());
  if (is_container_uuid(uuid)) return uuid;
  const auto request = read_request(connection, uuid);
  if (!request) return fail(request.error());
  std::string container = text_of(*request, "container_uuid");
  if (container.empty()) return fail(ErrorKind::not_found, uuid + " has no container yet");
  return container;
}

Result<std::vector<std::string>> requests_of(DaemonConnection& connection, const std::string& uuid) {
  if (auto checked = check_uuid(uuid); !checked) return fail(checked.error());
  if (is_request_uuid(uuid)) return std::vector<std::string>{uuid};
  const auto answer =
      connection.api("GET", kRequests, {{"filters", filter("container_uuid", "=", uuid).dump()}, {"count", "none"}});
  if (!answer) return fail(answer.error());
  std::vector<std::string> requests;
  for (const Json& request : items_of(*answer)) requests.push_back(text_of(request, "uuid"));
  if (requests.empty()) return fail(ErrorKind::not_found, uuid + ": no request asks for this container");
  return requests;
}

Result<Json> change_request(DaemonConnection& connection, const std::string& request, const Json& attributes) {
  return connection.api("PUT", kRequests + '/' + request, {{"container_request", attributes.dump()}});
}

Result<Json> list_containers(DaemonConnection& connection, const Json& filters, const std::string& order) {
  return connection.api("GET", kContainers,
                        {{"filters", filters.dump()}, {"order", order}, {"limit", "1000"}, {"count", "none"}});
}

NamesByContainer request_names(DaemonConnection& connection, const std::vector<std::string>& containers) {
  NamesByContainer names;
  for (std::size_t begin = 0; begin < containers.size(); begin += kNamesAtOnce) {
    Json batch = Json::array();
    for (std::size_t i = begin; i < std::min(begin + kNamesAtOnce, containers.size()); ++i)
      batch.push_back(containers[i]);
    const auto answer = connection.api("GET", kRequests,
                                       {{"filters", filter("container_uuid", "in", std::move(batch)).dump()},
                                        {"select", R"(["uuid","name","container_uuid"])"},
                                        {"limit", "1000"},
                                        {"count", "none"}});
    if (!answer) break;
    for (const Json& request : items_of(*answer)) names[text_of(request, "container_uuid")] = text_of(request, "name");
  }
  return names;
}

}  // namespace berth
