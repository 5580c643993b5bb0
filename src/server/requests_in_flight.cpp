#include "requests_in_flight.hpp"

#include <algorithm>
#include <iterator>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>

#include "berth/base/seconds.hpp"

#include "entries.hpp"

namespace berth {
namespace {

/// Label of a method: a name of our own, so that clients cannot make up series.
std::string method_label(const std::string& method) {
  static constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  if (std::find(std::begin(known), std::end(known), method) == std::end(known)) return "other";
  std::string label;
  for (const char c : method) label += static_cast<char>(c - 'A' + 'a');
  return label;
}

/// Whether a pair of a query is the token, however its name is escaped. What cannot be read may be one.
bool is_token(std::string_view pair) {
  const auto read = parse_form(pair);
  return !read || (!read->empty() && read->front().first == "api_token");
}

}  // namespace

RequestsInFlight::RequestsInFlight(Runtime& runtime, Metrics& metrics)
    : runtime_(runtime),
      metrics_(metrics),
      max_age_(metrics.gauge("arvados_max_active_request_age_seconds", "Age of the oldest request being answered.")) {
  metrics.gauge("arvados_max_abandoned_request_age_seconds",
                "Age of the oldest request being answered whose client is gone: such requests end at once.");
}

std::uint64_t RequestsInFlight::enter(const ServerRequest& request, const std::string& request_id) {
  const std::string query = masked_query(request.query);
  Entry entry{request_id,
              request.method,
              request.host,
              query.empty() ? request.path : request.path + '?' + query,
              request.remote_address,
              std::string(find_header(request.headers, "X-Forwarded-For")),
              runtime_.now()};
  const std::lock_guard lock(mutex_);
  entries_.emplace(++tickets_, std::move(entry));
  return tickets_;
}

void RequestsInFlight::leave(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  entries_.erase(ticket);
}

std::string RequestsInFlight::json() const {
  const SteadyTime now = runtime_.now();
  std::string body = "[";
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) {
    const Entry& r = at->second;
    if (body.size() > 1) body += ',';
    body += "{\"RequestID\":" + quote(r.id) + ",\"Method\":" + quote(r.method) + ",\"Host\":" + quote(r.host) +
            ",\"URL\":" + quote(r.url) + ",\"RemoteAddr\":" + quote(r.remote) +
            ",\"XForwardedFor\":" + quote(r.forwarded) + ",\"Elapsed\":" + std::to_string(seconds(now - r.begin)) + '}';
  }
  return body + "]\n";
}

void RequestsInFlight::show_ages() const {
  const std::lock_guard lock(mutex_);
  max_age_.Set(entries_.empty() ? 0 : seconds(runtime_.now() - entries_.begin()->second.begin));
}

void RequestsInFlight::observe(const std::string& method, int status, Duration to_status, Duration total) const {
  const MetricLabels labels{{"code", std::to_string(status)}, {"method", method_label(method)}};
  metrics_.plain_summary("request_duration_seconds", "Time from request to end of response.", labels)
      .Observe(seconds(total));
  metrics_.plain_summary("time_to_status_seconds", "Time from request to status line.", labels)
      .Observe(seconds(to_status));
}

std::string masked_query(const std::string& query) {
  std::string out;
  std::string_view rest = query;
  while (!rest.empty()) {
    auto end = rest.find_first_of("&;");  // `;` is a separator to some, part of a value to others
    const std::string_view pair = rest.substr(0, end);
    const bool token = is_token(pair);
    out += token ? std::string_view("api_token=…") : pair;
    if (token) end = rest.find('&');
    if (end == rest.npos) break;
    out += rest[end];
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace berth
