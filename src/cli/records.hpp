#pragma once

#include <string>
#include <vector>

#include "connection.hpp"
#include "tables.hpp"

namespace berth {

// Containers and requests as `berthctl` looks them up.

Result<nlohmann::json> read_container(DaemonConnection& connection, const std::string& uuid);
Result<nlohmann::json> read_request(DaemonConnection& connection, const std::string& uuid);
bool is_final_record(const nlohmann::json& record);
/// The container of a request, or `uuid` itself if it is one of a container.
Result<std::string> container_of(DaemonConnection& connection, const std::string& uuid);
/// The requests that ask for a container, or `uuid` itself if it is one of a request. Never empty.
Result<std::vector<std::string>> requests_of(DaemonConnection& connection, const std::string& uuid);
Result<nlohmann::json> change_request(DaemonConnection& connection, const std::string& request,
                                      const nlohmann::json& attributes);
/// Up to 1000 containers. `filters`: as the API takes them.
Result<nlohmann::json> list_containers(DaemonConnection& connection, const nlohmann::json& filters,
                                       const std::string& order);
/// Names of the requests that ask for these containers; those that cannot be had are left out.
NamesByContainer request_names(DaemonConnection& connection, const std::vector<std::string>& containers);

}  // namespace berth
