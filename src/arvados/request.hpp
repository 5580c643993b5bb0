#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/net/http_client.hpp"

namespace berth {

/// Top-level parameters of a call: names and values as the API wants them before form encoding.
using ApiParameters = std::vector<std::pair<std::string, std::string>>;

/// One call: everything but the token and the request id.
struct ApiCall {
  std::string method = "GET";
  std::string path;  ///< below the base URL, without a leading `/`
  ApiParameters parameters;
  bool extra = false;  ///< nothing depends on it: a 503 to it is no reason to hold back other calls
};

/// The parameters of a list call (facts §2.2): `select` list S and, if asked for, `mounts`.
ApiParameters list_parameters(const ContainerQuery& query);

/// The parameters of a list of what was modified: containers that are Queued or
/// Cancelled, requests that are Committed: the others change no priority.
ApiParameters list_parameters(const ModifiedQuery& query);

/// The parameters of a list of what is Complete.
ApiParameters list_parameters(const FinishedQuery& query);

/// `base_url` with exactly one `/` before the path; parameters in the query of a GET if that is shorter than 1000
/// bytes, else in a form body, as a POST that says it means GET (facts §2.1).
HttpRequest make_request(std::string_view base_url, const ApiCall& call);

/// `req-` and 20 characters of base 36 (facts §2.1).
std::string make_request_id(Runtime& runtime);

}  // namespace berth
