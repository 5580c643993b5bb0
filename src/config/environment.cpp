#include "environment.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>

#include "url.hpp"

namespace berth {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_yes(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word == "1" || word == "yes" || word == "true";
}

}  // namespace

ApiEnvironment read_api_environment() {
  return {variable("ARVADOS_API_HOST"), variable("ARVADOS_API_TOKEN"), is_yes(variable("ARVADOS_API_HOST_INSECURE"))};
}

namespace config {
namespace {

Node& below(Node& node, std::string_view key) {
  return node.entries[std::string(key)];
}

}  // namespace

void apply_environment(const ApiEnvironment& environment, Node& merged, Findings& findings) {
  constexpr std::string_view token_key = "SystemRootToken";
  constexpr std::string_view url_key = "Services.Controller.ExternalURL";
  Node& token = below(merged, token_key);
  if (!environment.token.empty() && token.kind == Node::Kind::text) {
    if (token.text.empty()) {
      token.text = environment.token;
    } else {
      findings.warn(token.at, token_key, "set here, so ARVADOS_API_TOKEN is ignored");
    }
  }
  const Node* known = find_path(merged, url_key);
  if (environment.host.empty() || known == nullptr || known->kind != Node::Kind::text) return;
  if (!url_authority(known->text).empty()) {
    findings.warn(known->at, url_key, "set here, so ARVADOS_API_HOST and ARVADOS_API_HOST_INSECURE are ignored");
    return;
  }
  below(below(below(merged, "Services"), "Controller"), "ExternalURL").text = "https://" + environment.host;
  Node& tls = below(merged, "TLS");
  if (environment.insecure && tls.is_map()) {
    Node& insecure = below(tls, "Insecure");
    if (insecure.kind == Node::Kind::boolean) insecure.boolean = true;
  }
}

}  // namespace config
}  // namespace berth
