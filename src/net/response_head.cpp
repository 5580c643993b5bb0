#include "response_head.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <iterator>

#include <boost/beast/http/status.hpp>

#include "beast.hpp"
#include "header_rules.hpp"

namespace berth {

namespace {
std::string_view reason_phrase(int status) {
  const auto phrase = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  return {phrase.data(), phrase.size()};
}

/// Headers that say where the answer ends: set here, never by a handler.
bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> ours = {"Content-Length", "Transfer-Encoding", "Connection", "Date"};
  return std::any_of(ours.begin(), ours.end(), [&](auto our) { return equal_ignoring_case(our, name); });
}
}  // namespace

bool allows_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string format_http_date(WallTime time) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::string format_response_head(const ServerResponse& response, const ResponseFraming& framing, WallTime now) {
  std::string head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_phrase(response.status),
                 format_http_date(now));
  for (const auto& [name, value] : response.headers) {
    if (!is_ours(name)) fmt::format_to(out, "{}: {}\r\n", name, value);
  }
  if (response.stream && allows_body(response.status)) {
    if (framing.http_1_1) head += "Transfer-Encoding: chunked\r\n";
  } else if (allows_body(response.status)) {
    fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  }
  if (!framing.keep_alive) {
    head += "Connection: close\r\n";
  } else if (!framing.http_1_1) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

std::string format_chunk(std::string_view piece) {
  return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
}

ServerResponse plain_response(int status, std::string_view reason) {
  ServerResponse response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.body = fmt::format("{} {}\n", status, reason_phrase(status));
  if (!reason.empty()) response.body += fmt::format("{}\n", reason);
  return response;
}

}  // namespace berth
