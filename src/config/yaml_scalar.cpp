#include "yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace berth::config {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrues = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                     "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalses = {"n",     "N",     "no",  "No",  "NO", "false",
                                                      "False", "FALSE", "off", "Off", "OFF"};

/// The digits of an integer and the base that its prefix says.
std::optional<double> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base != 8 || mark == 'o' || mark == 'O' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return negative ? -static_cast<double>(value) : static_cast<double>(value);
}

std::optional<double> decimal(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  // from_chars also takes "inf", "nan" and hexadecimal; only decimals are numbers here.
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  if (digits.empty() || digits[0] == '+' || digits[0] == '-') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> number(std::string_view text) {
  constexpr std::string_view starts = "0123456789+-.";
  if (text.empty() || starts.find(text[0]) == std::string_view::npos) return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  if (const auto value = integer(digits)) return value;
  return decimal(digits);
}

}  // namespace

Node resolve_plain_scalar(std::string_view text) {
  Node node;
  if (is_one_of(text, kNulls)) return node;
  if (is_one_of(text, kTrues) || is_one_of(text, kFalses)) {
    node.kind = Node::Kind::boolean;
    node.boolean = is_one_of(text, kTrues);
    return node;
  }
  if (const auto value = number(text)) {
    node.kind = Node::Kind::number;
    node.number = *value;
    return node;
  }
  node.kind = Node::Kind::text;
  node.text = text;
  return node;
}

std::string number_text(double number) {
  constexpr double exact = 9007199254740992.0;  // 2^53
  if (std::trunc(number) == number && std::fabs(number) <= exact) {
    return fmt::format("{}", static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

}  // namespace berth::config
