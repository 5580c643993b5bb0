#include "connection.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>

#include "berth/arvados/records.hpp"

namespace berth {
namespace {

/// `{"errors":["…"]}` or the beginning of the text itself, for a human.
std::string explain(const HttpResponse& response) {
  if (const auto json = parse_json(response.body); json && json->is_object() && json->contains("errors"))
    if (const auto& errors = (*json)["errors"]; errors.is_array() && !errors.empty() && errors[0].is_string())
      return errors[0].get<std::string>();
  std::string text = response.body.substr(0, 200);
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return text;
}

Error unreachable(Error error, const std::string& base) {
  if (error.kind == ErrorKind::network || error.kind == ErrorKind::timeout)
    error.message = "no answer from " + base + " (" + error.message + "); is berthd running?";
  return error;
}

}  // namespace

Error refusal(const HttpResponse& response, const std::string& source) {
  Error error;
  error.kind = kind_of_status(response.status);
  error.http_status = response.status;
  error.message = std::to_string(response.status);
  if (const std::string why = explain(response); !why.empty()) error.message += ": " + why;
  if (error.kind == ErrorKind::denied) error.message += " (the token is from " + source + ")";
  return error;
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

Result<std::string> DaemonConnection::call(const std::string& method, const std::string& base, const std::string& path,
                                           const std::string& token, const Parameters& parameters) {
  std::string form;
  for (const auto& [name, value] : parameters) {
    if (!form.empty()) form += '&';
    form += form_encode(name) + '=' + form_encode(value);
  }
  HttpRequest request;
  request.method = method;
  request.url = base + path;
  if (method != "GET")
    request.body = form;
  else if (!form.empty())
    request.url += '?' + form;
  request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/x-www-form-urlencoded"}};
  std::optional<Result<HttpResponse>> answer;
  boost::asio::co_spawn(runtime_.executor(), http_.perform(std::move(request)),
                        [&](const std::exception_ptr& error, Result<HttpResponse> result) {
                          if (!error) answer = std::move(result);
                          runtime_.stop();
                        });
  runtime_.run();
  if (!answer) return fail(ErrorKind::internal, "the call did not end");
  if (!*answer) return fail(unreachable(answer->error(), base));
  HttpResponse& response = **answer;
  if (response.status / 100 != 2) return fail(refusal(response, endpoint_.source));
  return std::move(response.body);
}

Result<nlohmann::json> DaemonConnection::api(const std::string& method, const std::string& path,
                                             const Parameters& parameters) {
  const auto text = call(method, endpoint_.api_url, path, endpoint_.api_token, parameters);
  if (!text) return fail(text.error());
  auto json = parse_json(*text);
  if (!json) return fail(json.error().within(endpoint_.api_url + path));
  return json;
}

Result<nlohmann::json> DaemonConnection::manage(const std::string& method, const std::string& path,
                                                const Parameters& parameters) {
  if (endpoint_.management_url.empty())
    return fail(ErrorKind::not_found,
                endpoint_.source + ": BERTH_URL, the address of the management API, is not there");
  const auto text = call(method, endpoint_.management_url, path, endpoint_.management_token, parameters);
  if (!text) return fail(text.error());
  if (text->empty()) return nlohmann::json();
  auto json = parse_json(*text);
  if (!json) return fail(json.error().within(endpoint_.management_url + path));
  return json;
}

Result<std::string> DaemonConnection::api_text(const std::string& path, const Parameters& parameters) {
  return call("GET", endpoint_.api_url, path, endpoint_.api_token, parameters);
}

}  // namespace berth
