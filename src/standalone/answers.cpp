#include "answers.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "records.hpp"

namespace berth {
namespace {

int status_of(const Error& error) {
  if (error.http_status != 0) return error.http_status;
  switch (error.kind) {
    case ErrorKind::denied:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::invalid:
    case ErrorKind::undecodable:
    case ErrorKind::type_mismatch:
    case ErrorKind::conflict:
      return 422;
    case ErrorKind::exhausted:
      return 413;
    case ErrorKind::unavailable:
      return 503;
    default:
      return 500;
  }
}

std::string error_token(Runtime& runtime) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(runtime.wall_now().time_since_epoch()).count();
  char token[48];
  std::snprintf(token, sizeof token, "%lld+%08x", static_cast<long long>(seconds),
                static_cast<unsigned>(runtime.random() & 0xffffffff));
  return token;
}

}  // namespace

ServerResponse json_response(std::string text) {
  ServerResponse response;
  response.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  response.body = std::move(text);
  return response;
}

ServerResponse error_response(Runtime& runtime, const Error& error) {
  const nlohmann::json body = {{"errors", nlohmann::json::array({error.message})},
                               {"error_token", error_token(runtime)}};
  ServerResponse response = json_response(json_text(body));
  response.status = status_of(error);
  return response;
}

tl::unexpected<Error> refuse(int status, std::string message) {
  Error error;
  error.kind = ErrorKind::invalid;
  error.message = std::move(message);
  error.http_status = status;
  return fail(std::move(error));
}

}  // namespace berth
