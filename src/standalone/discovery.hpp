#pragma once

#include <string>

namespace berth {

/// The discovery document that stock Arvados clients build themselves from: the resources and methods that exist here.
/// `base_url`: as the client reached us, `scheme://host:port`.
std::string discovery_document(const std::string& base_url, const std::string& cluster_id);
/// The public part of the configuration, as far as clients look at it.
std::string public_config(const std::string& base_url, const std::string& cluster_id);

/// `GET users/current` and `api_client_authorizations/current`: the one user and the one token.
std::string current_user(const std::string& cluster_id);
std::string current_token(const std::string& cluster_id);

}  // namespace berth
