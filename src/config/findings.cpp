#include "findings.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>
#include <utility>

namespace berth {
namespace {

// Keys come from the file: one with line breaks must not forge a log line.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t most = 200;
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 sequence
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

std::string to_string(const Diagnostic& d) {
  std::string text = d.file;
  if (d.line > 0) text += fmt::format(":{}:{}", d.line, d.column);
  text += d.severity == Severity::error ? ": error: " : ": warning: ";
  if (!d.key.empty()) text += d.key + ": ";
  return text + d.message;
}

namespace config {

constexpr std::size_t kMostFindings = 200;

void Findings::error(Position at, std::string_view key, const std::string& message) {
  ++errors_;
  add(Severity::error, at, key, message);
}

void Findings::warn(Position at, std::string_view key, const std::string& message) {
  add(Severity::warning, at, key, message);
}

bool Findings::full() const {
  return found_.size() >= kMostFindings;
}

void Findings::add(Severity severity, Position at, std::string_view key, const std::string& message) {
  // Errors decide whether the file is good, so the first one is always kept.
  if (full() && !(severity == Severity::error && errors_ == 1)) {
    ++left_out_;
    return;
  }
  found_.push_back({severity, file_, at.line, at.column, shortened(printable(key)), printable(message)});
}

std::vector<Diagnostic> Findings::take() && {
  std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (left_out_ > 0) {
    found_.push_back({Severity::warning, file_, 0, 0, "", fmt::format("{} more findings are not shown", left_out_)});
  }
  return std::move(found_);
}

}  // namespace config
}  // namespace berth
