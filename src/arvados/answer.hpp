#pragma once

#include <string>
#include <string_view>

#include "berth/arvados/container_api.hpp"
#include "berth/base/result.hpp"
#include "berth/net/http_client.hpp"

#include "limiter.hpp"

namespace berth {

/// The body of a successful answer (200 or 204), or the typed error that its status and its `errors` mean (facts §2.1).
Result<std::string> body_of(HttpResponse response);

/// What a call's end means to the limiter.
CallOutcome outcome_of(const Result<HttpResponse>& response);

/// `uuid` of the current token.
Result<std::string> token_uuid_of(std::string_view body);
/// `state`, `priority` and `locked_by_uuid` of a lock, unlock or cancel answer.
Result<ContainerUpdate> update_of(std::string_view body);
Result<ContainerState> state_of(std::string_view body);
/// The items of a list, mounts reduced to those of kind `tmp` (facts §2.2).
Result<std::vector<Container>> containers_of(std::string_view body);
/// The items of a list of what was modified.
Result<std::vector<ModifiedRecord>> modified_of(std::string_view body);
/// The items of a list of what is Complete, mounts reduced likewise.
Result<FinishedPage> finished_of(std::string_view body);
/// Whether the records are what was asked for, in order. Errors: undecodable.
Result<void> check_asked(const ModifiedQuery& query, const std::vector<ModifiedRecord>& records);
/// The mounts of a record, reduced likewise.
Result<std::map<std::string, Mount>> mounts_of(std::string_view body);

}  // namespace berth
