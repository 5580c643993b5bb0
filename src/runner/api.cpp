#include "api.hpp"

#include <nlohmann/json.hpp>

namespace berth::runner {
namespace {

constexpr Duration call_limit = std::chrono::seconds(15);

ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
    case 422:
      return ErrorKind::conflict;
    case 408:
    case 429:
    case 503:
      return ErrorKind::unavailable;
    default:
      return status >= 500 ? ErrorKind::server_error : status >= 400 ? ErrorKind::invalid : ErrorKind::undecodable;
  }
}

/// `errors` of an answer in JSON, as the API sends them.
std::string explanation(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array()) return "";
  std::string text;
  for (const auto& error : json["errors"])
    if (error.is_string()) text += ": " + error.get<std::string>();
  return text.substr(0, 1000);
}

}  // namespace

Result<void> check_status(const HttpResponse& response) {
  if (response.status >= 200 && response.status < 300) return {};
  Error error{kind_of(response.status),
              "the API answered " + std::to_string(response.status) + explanation(response.body)};
  error.http_status = response.status;
  return fail(std::move(error));
}

bool is_retryable(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::network:
    case ErrorKind::timeout:
    case ErrorKind::unavailable:
    case ErrorKind::server_error:
    case ErrorKind::undecodable:
      return true;
    default:
      return false;
  }
}

std::string form_encode(std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  std::string encoded;
  for (const char c : text) {
    if (plain.find(c) != plain.npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
    }
  }
  return encoded;
}

Result<Record> Api::fetch_record() {
  const auto response = http_.send({"GET", "/arvados/v1/containers/" + uuid_, "", ""}, call_limit);
  if (!response) return fail(response.error());
  if (auto good = check_status(*response); !good) return fail(good.error());
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  if (json.is_discarded()) return fail(ErrorKind::undecodable, "the API's answer is no JSON");
  return parse_record(json);
}

Result<void> Api::update(const nlohmann::json& fields) {
  const std::string text = fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string body = "container=" + form_encode(text) + "&select=" + form_encode(R"(["uuid","state"])");
  const auto response =
      http_.send({"PUT", "/arvados/v1/containers/" + uuid_, "application/x-www-form-urlencoded", body}, call_limit);
  if (!response) return fail(response.error());
  if (auto good = check_status(*response); !good) return good;
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  const bool is_record = json.is_object() && json.contains("uuid") && json["uuid"] == uuid_;
  if (!is_record) return fail(ErrorKind::undecodable, "the API's answer is not the container's record");
  return {};
}

Result<void> Api::append_log(std::string_view stream, std::uint64_t offset, std::string_view bytes) {
  std::string target = "/berth/v1/containers/" + uuid_ + "/log?stream=";
  target.append(stream).append("&offset=").append(std::to_string(offset));
  const auto response = http_.send({"POST", std::move(target), "application/octet-stream", bytes}, call_limit);
  if (!response) return fail(response.error());
  return check_status(*response);
}

}  // namespace berth::runner
