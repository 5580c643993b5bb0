// Values by which a daemon or a client starts (listen URLs, endpoints, PostgreSQL's connection, proxies), and what
// PostgreSQL says of the lock's holder: any bytes are a value or a refusal, and neither breaks a line of the log.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection_keywords.hpp"
#include "endpoint.hpp"
#include "listen_address.hpp"
#include "pg_connection.hpp"
#include "postgres_session.hpp"
#include "proxy_rule.hpp"

namespace {

void check_line(std::string_view text, std::size_t most) {
  if (text.size() > most) std::abort();
  for (const char c : text)
    if (static_cast<unsigned char>(c) < ' ') std::abort();
}

/// Pieces between newlines; there are `count` in any case.
std::vector<std::string> pieces(std::string_view text, std::size_t count) {
  std::vector<std::string> found;
  while (found.size() + 1 < count) {
    const std::size_t end = text.find('\n');
    found.emplace_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  found.emplace_back(text);
  return found;
}

void listen(const std::vector<std::string>& values) {
  if (const auto address = berth::parse_listen_address(values[0]);
      address && address->host.empty() && values[0].empty())
    std::abort();
  berth::InternalUrls urls;
  urls[values[0]] = values[1];
  urls[values[2]] = values[3];
  const auto choice = berth::choose_listen_addresses(urls, values[4]);
  if (choice.candidates.size() + choice.problems.size() > urls.size() + 1) std::abort();
  berth::TlsConfig tls;
  tls.acme_server = "LE";
  for (const auto& candidate : choice.candidates) {
    const auto files = berth::certificate_files(tls, candidate.entry);
    if (files.certificate.find("/../") != files.certificate.npos) std::abort();
  }
}

void connect(const std::vector<std::string>& values) {
  std::map<std::string, std::string> connection{
      {"host", values[0]}, {"hostaddr", values[1]}, {"port", values[2]}, {values[3], values[4]}};
  const auto keywords = berth::parse_connection(connection);
  if (!keywords) return;
  if (keywords->endpoints.empty() || keywords->endpoints.size() > 16) std::abort();
  for (const auto& endpoint : keywords->endpoints) (void)endpoint.needs_lookup();
}

void ask_proxy(const std::vector<std::string>& values) {
  const berth::ProxyEnvironment environment{values[0], values[1], values[2]};
  for (const char* scheme : {"http", "https"}) {
    const auto proxy = berth::choose_proxy(environment, scheme, values[3], values[4]);
    if (!proxy) check_line(proxy.error().message, 400);  // the variable's name alone: its value may hold a password
  }
}

void find_api(const std::vector<std::string>& values) {
  const std::map<std::string, std::string, std::less<>> variables{{"ARVADOS_API_HOST", values[0]},
                                                                  {"ARVADOS_API_TOKEN", values[1]},
                                                                  {"BERTH_API_URL", values[2]},
                                                                  {"BERTH_URL", values[3]},
                                                                  {"ARVADOS_API_HOST_INSECURE", values[4]}};
  const auto environment = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() || found->second.empty() ? nullptr : found->second.c_str();
  };
  const auto endpoint = berth::find_endpoint("", "", environment);
  if (!endpoint && values[1].size() > 16 && endpoint.error().message.find(values[1]) != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto values = pieces(text, 5);
  listen(values);
  connect(values);
  ask_proxy(values);
  find_api(values);
  check_line(berth::one_line(text), text.size());
  const std::vector<std::vector<std::optional<std::string>>> row{{values[0], values[1], values[2], values[3]}};
  check_line(berth::describe_holder(row), text.size() + 100);
  (void)berth::parse_lock_answer({{text.empty() ? std::nullopt : std::optional<std::string>(text)}});
  return 0;
}
