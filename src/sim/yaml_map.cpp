#include "yaml_map.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/node/impl.h>
#include <yaml-cpp/node/parse.h>
#include <yaml-cpp/yaml.h>

#include "berth/base/units.hpp"

#include "workload_row.hpp"

namespace berth {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxEntries = 20'000;  // of one map or list

std::string place(const std::string& file, const YAML::Mark& mark) {
  return mark.is_null() ? file : fmt::format("{}:{}", file, mark.line + 1);
}

/// Messages quote bytes of the file as they are.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text;
}

}  // namespace

Result<Duration> seconds_or_duration(std::string_view text) {
  return parse_moment(text, false);
}

YamlMap::YamlMap(const YAML::Node& node, std::string file, std::string path,
                 std::shared_ptr<std::optional<Error>> first_error)
    : node_(node), file_(std::move(file)), path_(std::move(path)), first_error_(std::move(first_error)) {
  take_entries();
}

void YamlMap::take_entries() {
  if (!node_.IsMap()) return refuse_at(node_, "", "is not a map of keys and values");
  if (node_.size() > kMaxEntries) return refuse_at(node_, "", fmt::format("has more than {} entries", kMaxEntries));
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) return refuse_at(entry.first, "", "a key is not a plain word");
    const std::string& key = entry.first.Scalar();
    if (!entries_.emplace(key, entry.second).second) return refuse_at(entry.first, key, "is there twice");
    order_.push_back(key);
  }
}

Result<YamlMap> YamlMap::parse(std::string_view text, const std::string& file) {
  if (text.size() > kMaxBytes)
    return fail(ErrorKind::exhausted, fmt::format("{}: larger than {} bytes", file, kMaxBytes));
  try {
    YamlMap map(YAML::Load(std::string(text)), file, "", std::make_shared<std::optional<Error>>());
    if (!map.ok()) return fail(*map.error());
    return map;
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::invalid, place(file, error.mark) + ": YAML syntax: " + printable(error.msg));
  }
}

bool YamlMap::has(const std::string& key) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && !found->second.IsNull();
}

bool YamlMap::is_map(const std::string& key) const {
  return has(key) && entries_.at(key).IsMap();
}

bool YamlMap::is_list(const std::string& key) const {
  return has(key) && entries_.at(key).IsSequence();
}

YAML::Node YamlMap::find(const std::string& key) {
  read_.insert(key);
  return ok() && has(key) ? entries_.at(key) : YAML::Node();
}

std::string YamlMap::path_of(const std::string& key) const {
  return path_.empty() || key.empty() ? path_ + key : path_ + "." + key;
}

void YamlMap::refuse_at(const YAML::Node& node, const std::string& key, const std::string& message) {
  if (*first_error_) return;
  const std::string path = path_of(key);
  *first_error_ =
      Error{ErrorKind::invalid, place(file_, node.Mark()) + ": " + (path.empty() ? "" : path + ": ") + message};
}

void YamlMap::refuse(const std::string& key, const std::string& message) {
  const auto found = entries_.find(key);
  refuse_at(found == entries_.end() ? node_ : found->second, key, message);
}

const std::string* YamlMap::scalar(const std::string& key, std::string& text) {
  const YAML::Node node = find(key);
  if (node.IsNull()) return nullptr;
  if (!node.IsScalar()) {
    refuse(key, "is not a single value");
    return nullptr;
  }
  text = node.Scalar();
  return &text;
}

void YamlMap::read(const std::string& key, std::int64_t& target, std::int64_t least, std::int64_t most) {
  std::string text;
  if (!scalar(key, text)) return;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return refuse(key, "is not a whole number");
  if (value < least || value > most) return refuse(key, fmt::format("is not between {} and {}", least, most));
  target = value;
}

void YamlMap::read(const std::string& key, double& target, double least, double most) {
  std::string text;
  if (!scalar(key, text)) return;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return refuse(key, "is not a number");
  if (!(value >= least && value <= most)) return refuse(key, fmt::format("is not between {} and {}", least, most));
  target = value;
}

void YamlMap::read(const std::string& key, Duration& target, Duration most) {
  std::string text;
  if (!scalar(key, text)) return;
  const auto value = seconds_or_duration(text);
  if (!value) return refuse(key, value.error().message);
  if (*value < Duration::zero() || *value > most) return refuse(key, "is not between 0 and " + format_duration(most));
  target = *value;
}

void YamlMap::read(const std::string& key, std::string& target) {
  std::string text;
  if (scalar(key, text)) target = text;
}

void YamlMap::read(const std::string& key, bool& target) {
  std::string text;
  if (!scalar(key, text)) return;
  if (text != "true" && text != "false") return refuse(key, "is neither true nor false");
  target = text == "true";
}

YamlMap YamlMap::below(const YAML::Node& node, const std::string& name) const {
  return YamlMap(node, file_, path_of(name), first_error_);
}

std::optional<YamlMap> YamlMap::map(const std::string& key) {
  const YAML::Node node = find(key);
  if (node.IsNull()) return std::nullopt;
  return below(node, key);
}

std::vector<std::pair<std::string, YamlMap>> YamlMap::maps(const std::string& key) {
  std::vector<std::pair<std::string, YamlMap>> out;
  if (auto outer = map(key))
    for (const std::string& name : outer->order_) out.emplace_back(name, outer->below(outer->entries_.at(name), name));
  return out;
}

std::vector<YamlMap> YamlMap::list(const std::string& key) {
  std::vector<YamlMap> out;
  const YAML::Node node = find(key);
  if (node.IsNull()) return out;
  if (!node.IsSequence() || node.size() > kMaxEntries) {
    refuse(key, fmt::format("is not a list of at most {} maps", kMaxEntries));
    return out;
  }
  for (std::size_t i = 0; i < node.size(); ++i) out.push_back(below(node[i], fmt::format("{}[{}]", key, i + 1)));
  return out;
}

std::vector<std::string> YamlMap::scalars(const std::string& key) {
  std::vector<std::string> out;
  const YAML::Node node = find(key);
  if (node.IsNull()) return out;
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence() || node.size() == 0 || node.size() > kMaxEntries) {
    refuse(key, "is neither a single value nor a list of values");
    return out;
  }
  for (const auto& item : node) {
    if (!item.IsScalar()) {
      refuse_at(item, key, "a value of the list is none");
      return {};
    }
    out.push_back(item.Scalar());
  }
  return out;
}

void YamlMap::finish() {
  for (const std::string& key : order_)
    if (!read_.contains(key)) return refuse(key, "no such key");
}

}  // namespace berth
