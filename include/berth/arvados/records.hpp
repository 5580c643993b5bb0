#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "berth/arvados/container_api.hpp"
#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// What a status other than 2xx means: denied (401, 403), not_found, conflict (409, 422), unavailable (503),
/// server_error (other 5xx), failed.
ErrorKind kind_of_status(int status);
/// Text to JSON with bounds: at most 64 levels deep, and so many values, of which each takes up to some 80 bytes of
/// memory (a full page of containers holds some 60,000). Errors: undecodable, naming the position.
Result<nlohmann::json> parse_json(std::string_view text, std::size_t max_values = 1'000'000);
/// A container record (facts §2.3): null = zero, unknown fields ignored, a wrong type is type_mismatch naming the
/// field; a number that does not fit int64 or is no integer is a type_mismatch, too.
Result<Container> container_from_json(const nlohmann::json& record);
/// The `items` of a list answer. A record that has a uuid and cannot be read otherwise is `unreadable` and spoils no
/// other one (the reference fails the whole answer, facts §2.3).
Result<std::vector<Container>> container_list_from_json(const nlohmann::json& answer);
/// `mounts` alone.
Result<std::map<std::string, Mount>> mounts_from_json(const nlohmann::json& mounts);

}  // namespace berth
