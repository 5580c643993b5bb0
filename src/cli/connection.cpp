#include "connection.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include <boost/asio/co_spawn.hpp>

#include "berth/arvados/records.hpp"
#include "berth/config/data_dir.hpp"

namespace berth {
namespace {

/// `{"errors":["…"]}` or the text itself, for a human.
std::string explain(const HttpResponse& response) {
  if (const auto json = parse_json(response.body); json && json->is_object() && json->contains("errors"))
    if (const auto& errors = (*json)["errors"]; errors.is_array() && !errors.empty() && errors[0].is_string())
      return errors[0].get<std::string>();
  return response.body.substr(0, 200);
}

}  // namespace

Result<Endpoint> find_endpoint(const std::string& env_file) {
  const std::string path = env_file.empty() ? default_data_dir() + "/env" : env_file;
  std::map<std::string, std::string> values;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  const auto value = [&](const char* name) -> std::string {
    if (const char* set = std::getenv(name); set && *set && env_file.empty()) return set;
    const auto at = values.find(name);
    return at == values.end() ? std::string() : at->second;
  };
  Endpoint endpoint;
  endpoint.api_token = value("ARVADOS_API_TOKEN");
  endpoint.management_token = value("BERTH_TOKEN");
  endpoint.management_url = value("BERTH_URL");
  endpoint.insecure = !value("ARVADOS_API_HOST_INSECURE").empty();
  endpoint.api_url = value("BERTH_API_URL");
  if (const std::string host = value("ARVADOS_API_HOST"); endpoint.api_url.empty() && !host.empty())
    endpoint.api_url = "https://" + host;
  if (endpoint.api_url.empty() || endpoint.api_token.empty())
    return fail(ErrorKind::invalid,
                "no daemon known: " + path + " cannot be read, and BERTH_API_URL and ARVADOS_API_TOKEN are not set");
  return endpoint;
}

DaemonConnection::DaemonConnection(Endpoint endpoint)
    : endpoint_(std::move(endpoint)), runtime_(1), http_(runtime_, [this] {
        HttpClientOptions options;
        options.insecure_tls = endpoint_.insecure;
        options.use_proxy_environment = !endpoint_.insecure;
        return options;
      }()) {}
DaemonConnection::~DaemonConnection() = default;

void DaemonConnection::wait(Duration duration) {
  boost::asio::co_spawn(runtime_.executor(), runtime_.sleep_for(duration),
                        [this](const std::exception_ptr&) { runtime_.stop(); });
  runtime_.run();
}

Result<std::string> DaemonConnection::call(const std::string& method, std::string url, const std::string& token,
                                           const Parameters& parameters) {
  std::string form;
  for (const auto& [name, value] : parameters) {
    if (!form.empty()) form += '&';
    form += form_encode(name) + '=' + form_encode(value);
  }
  HttpRequest request;
  request.method = method;
  request.url = method == "GET" && !form.empty() ? url + '?' + form : std::move(url);
  if (method != "GET") request.body = form;
  request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/x-www-form-urlencoded"}};
  std::optional<Result<HttpResponse>> answer;
  boost::asio::co_spawn(runtime_.executor(), http_.perform(std::move(request)),
                        [&](const std::exception_ptr& error, Result<HttpResponse> result) {
                          if (!error) answer = std::move(result);
                          runtime_.stop();
                        });
  runtime_.run();
  if (!answer) return fail(ErrorKind::internal, "the call did not end");
  if (!*answer) return fail(answer->error());
  const HttpResponse& response = **answer;
  if (response.status == 200 || response.status == 204) return response.body;
  Error error;
  error.kind = response.status == 404 ? ErrorKind::not_found : ErrorKind::failed;
  error.http_status = response.status;
  error.message = std::to_string(response.status) + ": " + explain(response);
  return fail(std::move(error));
}

Result<nlohmann::json> DaemonConnection::api(const std::string& method, const std::string& path,
                                             const Parameters& parameters) {
  auto text = call(method, endpoint_.api_url + path, endpoint_.api_token, parameters);
  if (!text) return fail(text.error());
  return parse_json(*text);
}

Result<nlohmann::json> DaemonConnection::manage(const std::string& method, const std::string& path,
                                                const Parameters& parameters) {
  if (endpoint_.management_url.empty()) return fail(ErrorKind::invalid, "BERTH_URL is not set");
  auto text = call(method, endpoint_.management_url + path, endpoint_.management_token, parameters);
  if (!text) return fail(text.error());
  if (text->empty()) return nlohmann::json();
  return parse_json(*text);
}

Result<std::string> DaemonConnection::api_text(const std::string& path, const Parameters& parameters) {
  return call("GET", endpoint_.api_url + path, endpoint_.api_token, parameters);
}

}  // namespace berth
