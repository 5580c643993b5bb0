#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "berth/base/result.hpp"

#include "http.hpp"
#include "record.hpp"

namespace berth::runner {

/// What the API's answer means; http_status is set. Nothing for 2xx.
Result<void> check_status(const HttpResponse& response);
/// True if the same call may succeed later.
bool is_retryable(ErrorKind kind);
std::string form_encode(std::string_view text);

/// The calls that a runner makes, each one attempt with a deadline. Used by one thread.
class Api {
 public:
  Api(HttpClient http, std::string uuid) : http_(std::move(http)), uuid_(std::move(uuid)) {}
  Result<Record> fetch_record();
  /// Changes these fields of the container.
  Result<void> update(const nlohmann::json& fields);
  /// Appends to the container's log. `offset` is how much of this stream came before: an append that was made but whose
  /// answer got lost can be told from a new one.
  Result<void> append_log(std::string_view stream, std::uint64_t offset, std::string_view bytes);

 private:
  HttpClient http_;
  std::string uuid_;
};

}  // namespace berth::runner
