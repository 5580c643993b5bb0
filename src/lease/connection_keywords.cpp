#include "connection_keywords.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <charconv>
#include <libpq-fe.h>
#include <memory>
#include <set>
#include <string_view>

namespace berth {
namespace {

constexpr std::size_t kMostEndpoints = 16;

/// Switches of the reference's database library alone; they mean nothing for a lock.
constexpr std::array<std::string_view, 2> kIgnored = {"binary_parameters", "disable_prepared_binary_result"};

/// Keywords that libpq would refuse only when it connects, with what they may be.
struct Choice {
  std::string_view keyword;
  std::string_view values;
};
constexpr std::array kChoices = {
    Choice{"sslmode", "disable allow prefer require verify-ca verify-full"},
    Choice{"target_session_attrs", "any read-write read-only primary standby prefer-standby"},
    Choice{"gssencmode", "disable prefer require"},
    Choice{"channel_binding", "disable prefer require"},
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::set<std::string> known_keywords() {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconndefaults(), PQconninfoFree);
  std::set<std::string> names;
  for (const PQconninfoOption* option = options.get(); option && option->keyword; ++option)
    names.insert(option->keyword);
  return names;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const auto comma = text.find(',', begin);
    parts.push_back(text.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

std::string take(std::map<std::string, std::string>& keywords, const char* name) {
  const auto node = keywords.extract(name);
  return node ? node.mapped() : std::string();
}

bool is_port(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

Result<void> check_choice(const std::string& name, const std::string& keyword, const std::string& value) {
  const auto choice =
      std::find_if(kChoices.begin(), kChoices.end(), [&](const Choice& c) { return c.keyword == keyword; });
  if (choice == kChoices.end()) return {};
  const std::string among = " " + std::string(choice->values) + " ";
  const bool is_word = value.find(' ') == std::string::npos;
  if (is_word && among.find(" " + value + " ") != std::string::npos) return {};
  return fail(ErrorKind::invalid, "PostgreSQL.Connection." + name + ": must be one of " + std::string(choice->values));
}

/// As libpq reads its lists: one port for all, or one for each; hostaddr beside host, entry by entry.
Result<std::vector<DatabaseEndpoint>> endpoints_of(const std::string& hosts, const std::string& addresses,
                                                   const std::string& ports) {
  const auto host = split(hosts);
  const auto address = split(addresses);
  const auto port = split(ports);
  const std::size_t count = addresses.empty() ? host.size() : address.size();
  if (!addresses.empty() && !hosts.empty() && host.size() != count)
    return fail(ErrorKind::invalid, "PostgreSQL.Connection: host and hostaddr list different numbers of hosts");
  if (port.size() != 1 && port.size() != count)
    return fail(ErrorKind::invalid, "PostgreSQL.Connection.port: want one port, or as many as there are hosts");
  if (!std::all_of(port.begin(), port.end(), [](const std::string& p) { return p.empty() || is_port(p); }))
    return fail(ErrorKind::invalid, "PostgreSQL.Connection.port: must be a number from 1 to 65535");
  if (count > kMostEndpoints)
    return fail(ErrorKind::invalid, "PostgreSQL.Connection.host: more than " + std::to_string(kMostEndpoints));
  std::vector<DatabaseEndpoint> endpoints;
  for (std::size_t i = 0; i < count; ++i)
    endpoints.push_back({i < host.size() ? host[i] : std::string(), i < address.size() ? address[i] : std::string(),
                         port.size() == 1 ? port[0] : port[i]});
  return endpoints;
}

}  // namespace

bool DatabaseEndpoint::needs_lookup() const {
  if (!hostaddress.empty() || host.empty() || host[0] == '/' || host[0] == '@') return false;
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) != 1 &&
         inet_pton(AF_INET6, host.c_str(), address.data()) != 1;
}

Result<ConnectionKeywords> parse_connection(const std::map<std::string, std::string>& connection) {
  std::map<std::string, std::string> keywords;
  const std::set<std::string> known = known_keywords();
  for (const auto& [name, value] : connection) {
    const std::string key = lower(name);
    if (value.empty() || std::find(kIgnored.begin(), kIgnored.end(), key) != kIgnored.end()) continue;
    if (!known.contains(key))
      return fail(ErrorKind::invalid, "PostgreSQL.Connection." + name + ": libpq has no such keyword");
    if (value.find('\0') != std::string::npos)
      return fail(ErrorKind::invalid, "PostgreSQL.Connection." + name + ": contains a NUL character");
    if (const auto checked = check_choice(name, key, value); !checked) return fail(checked.error());
    keywords[key] = value;
  }
  if (keywords.empty()) return fail(ErrorKind::invalid, "PostgreSQL.Connection is empty");
  const std::string hosts = take(keywords, "host");
  const std::string addresses = take(keywords, "hostaddr");
  auto endpoints = endpoints_of(hosts, addresses, take(keywords, "port"));
  if (!endpoints) return fail(endpoints.error());
  keywords.emplace("fallback_application_name", "berthd");
  keywords.emplace("client_encoding", "UTF8");
  keywords.emplace("gssencmode", "disable");            // it would talk to other servers, and block
  keywords.emplace("target_session_attrs", "primary");  // a replica's locks are its own
  return ConnectionKeywords{std::move(*endpoints), std::move(keywords)};
}

}  // namespace berth
