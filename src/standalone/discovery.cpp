#include "discovery.hpp"

#include <nlohmann/json.hpp>

#include "filters.hpp"
#include "records.hpp"
#include "tables.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

Json parameter(const char* type, const char* location, bool required) {
  return {{"type", type}, {"location", location}, {"required", required}, {"description", ""}};
}

Json uuid_parameter() {
  return {{"uuid", parameter("string", "path", true)}};
}

Json method(const std::string& id, const std::string& path, const char* verb, Json parameters,
            const std::string& schema) {
  Json order = Json::array();
  if (parameters.contains("uuid")) order.push_back("uuid");
  return {{"id", "arvados." + id},
          {"path", path},
          {"httpMethod", verb},
          {"description", ""},
          {"parameters", std::move(parameters)},
          {"parameterOrder", std::move(order)},
          {"response", {{"$ref", schema}}},
          {"scopes", Json::array({"https://api.arvados.org/auth/arvados"})}};
}

/// A method whose body holds the attributes of a record.
Json with_body(Json method, const Table& table, const std::string& schema) {
  method["request"] = {{"required", true}, {"properties", {{std::string(table.parameter), {{"$ref", schema}}}}}};
  return method;
}

Json list_parameters() {
  Json parameters;
  for (const char* name : {"filters", "select", "order"}) parameters[name] = parameter("array", "query", false);
  for (const char* name : {"limit", "offset"}) parameters[name] = parameter("integer", "query", false);
  parameters["limit"]["default"] = std::to_string(kDefaultPage);
  parameters["offset"]["default"] = "0";
  parameters["count"] = parameter("string", "query", false);
  parameters["count"]["default"] = "exact";
  return parameters;
}

Json with_select(Json parameters) {
  parameters["select"] = parameter("array", "query", false);
  return parameters;
}

const char* schema_type(FieldKind kind) {
  switch (kind) {
    case FieldKind::integer:
      return "integer";
    case FieldKind::real:
      return "float";
    case FieldKind::boolean:
      return "boolean";
    case FieldKind::json:
      return "Hash";
    case FieldKind::time:
      return "datetime";
    case FieldKind::text:
      break;
  }
  return "string";
}

void add_schemas(Json& schemas, const Table& table, const std::string& name) {
  Json properties = {{"kind", {{"type", "string"}}}, {"etag", {{"type", "string"}}}};
  for (const Field& field : table.fields) properties[std::string(field.name)] = {{"type", schema_type(field.kind)}};
  schemas[name] = {{"id", name}, {"type", "object"}, {"uuidPrefix", table.uuid_type}, {"properties", properties}};
  Json list = {{"items", {{"type", "array"}, {"items", {{"$ref", name}}}}}};
  for (const char* number : {"offset", "limit", "items_available"}) list[number] = {{"type", "integer"}};
  schemas[name + "List"] = {{"id", name + "List"}, {"type", "object"}, {"properties", list}};
}

Json container_methods(const std::string& schema) {
  const std::string path = "containers/{uuid}";
  return {{"get", method("containers.get", path, "GET", with_select(uuid_parameter()), schema)},
          {"list", method("containers.list", "containers", "GET", list_parameters(), schema + "List")},
          {"update", with_body(method("containers.update", path, "PUT", with_select(uuid_parameter()), schema),
                               kContainers, schema)},
          {"lock", method("containers.lock", path + "/lock", "POST", uuid_parameter(), schema)},
          {"unlock", method("containers.unlock", path + "/unlock", "POST", uuid_parameter(), schema)}};
}

Json request_methods(const std::string& schema) {
  const std::string path = "container_requests/{uuid}";
  const std::string id = "container_requests.";
  return {{"get", method(id + "get", path, "GET", with_select(uuid_parameter()), schema)},
          {"list", method(id + "list", "container_requests", "GET", list_parameters(), schema + "List")},
          {"create", with_body(method(id + "create", "container_requests", "POST", with_select(Json::object()), schema),
                               kRequests, schema)},
          {"update",
           with_body(method(id + "update", path, "PUT", with_select(uuid_parameter()), schema), kRequests, schema)},
          {"cancel", method(id + "cancel", path + "/cancel", "POST", uuid_parameter(), schema)}};
}

Json current_method(const std::string& resource, const std::string& schema) {
  return {{"current", method(resource + ".current", resource + "/current", "GET", Json::object(), schema)}};
}

}  // namespace

std::string discovery_document(const std::string& base_url, const std::string& cluster_id) {
  Json schemas;
  add_schemas(schemas, kContainers, "Container");
  add_schemas(schemas, kRequests, "ContainerRequest");
  for (const char* name : {"User", "ApiClientAuthorization"})
    schemas[name] = {{"id", name}, {"type", "object"}, {"properties", {{"uuid", {{"type", "string"}}}}}};
  const Json document = {
      {"kind", "discovery#restDescription"},
      {"discoveryVersion", "v1"},
      {"id", "arvados:v1"},
      {"name", "arvados"},
      {"version", "v1"},
      {"revision", "20260101"},
      {"title", "Arvados API (Berth standalone)"},
      {"description", "The part of the Arvados API that Berth's standalone mode serves."},
      {"protocol", "rest"},
      {"uuidPrefix", cluster_id},
      {"rootUrl", base_url + '/'},
      {"websocketUrl", "ws" + base_url.substr(std::string_view("http").size()) + "/websocket"},
      {"servicePath", "arvados/v1/"},
      {"basePath", "/arvados/v1/"},
      {"baseUrl", base_url + "/arvados/v1/"},
      {"batchPath", "batch"},
      {"maxItemsPerResponse", kLargestPage},
      {"parameters", {{"alt", {{"type", "string"}, {"location", "query"}, {"default", "json"}}}}},
      {"auth", {{"oauth2", {{"scopes", {{"https://api.arvados.org/auth/arvados", {{"description", ""}}}}}}}}},
      {"schemas", std::move(schemas)},
      {"resources",
       {{"containers", {{"methods", container_methods("Container")}}},
        {"container_requests", {{"methods", request_methods("ContainerRequest")}}},
        {"users", {{"methods", current_method("users", "User")}}},
        {"api_client_authorizations",
         {{"methods", current_method("api_client_authorizations", "ApiClientAuthorization")}}}}}};
  return json_text(document);
}

std::string public_config(const std::string& base_url, const std::string& cluster_id) {
  return json_text({{"ClusterID", cluster_id},
                    {"API", {{"MaxItemsPerResponse", kLargestPage}}},
                    {"Services", {{"Controller", {{"ExternalURL", base_url + '/'}}}}}});
}

std::string current_user(const std::string& cluster_id) {
  return json_text({{"kind", "arvados#user"},
                    {"etag", ""},
                    {"uuid", cluster_id + "-tpzed-000000000000000"},
                    {"username", "root"},
                    {"email", "root"},
                    {"full_name", "root"},
                    {"is_admin", true},
                    {"is_active", true},
                    {"is_invited", true}});
}

std::string current_token(const std::string& cluster_id) {
  return json_text({{"kind", "arvados#apiClientAuthorization"},
                    {"etag", ""},
                    {"uuid", cluster_id + "-gj3su-000000000000000"},
                    {"owner_uuid", cluster_id + "-tpzed-000000000000000"},
                    {"scopes", Json::array({"all"})},
                    {"expires_at", nullptr}});
}

}  // namespace berth
