#include "endpoint.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

namespace berth {
namespace {

using Values = std::map<std::string, std::string>;

Result<Values> read_env_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  Values values;
  for (std::string line; std::getline(file, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  if (!file.is_open() || file.bad())
    return fail(ErrorKind::not_found, path + ": " + (errno != 0 ? std::strerror(errno) : "cannot be read"));
  return values;
}

Values read_environment(const ReadVariable& environment) {
  Values values;
  for (const char* name : {"BERTH_API_URL", "ARVADOS_API_HOST", "ARVADOS_API_TOKEN", "BERTH_URL", "BERTH_TOKEN",
                           "ARVADOS_API_HOST_INSECURE"})
    if (const char* value = environment(name); value && *value) values[name] = value;
  return values;
}

Result<Endpoint> endpoint_of(Values values, std::string source) {
  Endpoint endpoint;
  endpoint.api_token = values["ARVADOS_API_TOKEN"];
  endpoint.management_token = values["BERTH_TOKEN"];
  endpoint.management_url = values["BERTH_URL"];
  endpoint.insecure = !values["ARVADOS_API_HOST_INSECURE"].empty();
  endpoint.api_url = values["BERTH_API_URL"];
  if (const std::string& host = values["ARVADOS_API_HOST"]; endpoint.api_url.empty() && !host.empty())
    endpoint.api_url = "https://" + host;
  if (endpoint.api_url.empty())
    return fail(ErrorKind::not_found, source + ": neither BERTH_API_URL nor ARVADOS_API_HOST is there");
  if (endpoint.api_token.empty()) return fail(ErrorKind::not_found, source + ": ARVADOS_API_TOKEN is not there");
  endpoint.source = std::move(source);
  return endpoint;
}

}  // namespace

std::string env_file_to_read(const std::string& env_file, const std::string& default_env_file,
                             const ReadVariable& environment) {
  if (!env_file.empty()) return env_file;
  const Values values = read_environment(environment);
  return values.contains("BERTH_API_URL") || values.contains("ARVADOS_API_HOST") ? "" : default_env_file;
}

Result<Endpoint> find_endpoint(const std::string& env_file, const std::string& default_env_file,
                               const ReadVariable& environment) {
  const std::string path = env_file_to_read(env_file, default_env_file, environment);
  if (path.empty()) return endpoint_of(read_environment(environment), "the environment");
  auto values = read_env_file(path);
  if (values) return endpoint_of(std::move(*values), path);
  if (!env_file.empty()) return fail(values.error());
  return fail(ErrorKind::not_found, "no daemon known: " + values.error().message +
                                        "; start berthd --standalone, say --env-file DIR/env, or set BERTH_API_URL and "
                                        "ARVADOS_API_TOKEN");
}

}  // namespace berth
