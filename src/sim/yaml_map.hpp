#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <yaml-cpp/node/node.h>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// A map of a small YAML file, read key by key. The first thing that is wrong is kept and ends the reading: later reads
/// do nothing. Errors: invalid, `FILE:LINE: PATH: what is wrong`.
class YamlMap {
 public:
  /// Errors: exhausted beyond a MiB; invalid if the text is no YAML or no map.
  static Result<YamlMap> parse(std::string_view text, const std::string& file);

  // Each leaves its target as it is where the key is absent or null.
  void read(const std::string& key, std::int64_t& target, std::int64_t least, std::int64_t most);
  void read(const std::string& key, double& target, double least, double most);
  void read(const std::string& key, Duration& target, Duration most);
  void read(const std::string& key, std::string& target);
  void read(const std::string& key, bool& target);

  bool has(const std::string& key) const;
  bool is_map(const std::string& key) const;
  bool is_list(const std::string& key) const;
  /// The map at a key; nothing if it is absent, or something was wrong before: then even where is_map() says so.
  std::optional<YamlMap> map(const std::string& key);
  /// The entries of a map of maps, by name in order of the file.
  std::vector<std::pair<std::string, YamlMap>> maps(const std::string& key);
  /// The items of a list of maps.
  std::vector<YamlMap> list(const std::string& key);
  /// The text of a scalar, or of each scalar of a list; empty where the key is absent.
  std::vector<std::string> scalars(const std::string& key);

  /// What is at `key` (the map itself if empty) is wrong.
  void refuse(const std::string& key, const std::string& message);
  /// Refuses the keys that nobody read.
  void finish();
  bool ok() const { return !*first_error_; }
  /// Nothing, or the first error of the whole file.
  const std::optional<Error>& error() const { return *first_error_; }

 private:
  YamlMap(const YAML::Node& node, std::string file, std::string path,
          std::shared_ptr<std::optional<Error>> first_error);
  void take_entries();
  YAML::Node find(const std::string& key);
  YamlMap below(const YAML::Node& node, const std::string& name) const;
  std::string path_of(const std::string& key) const;
  void refuse_at(const YAML::Node& node, const std::string& key, const std::string& message);
  const std::string* scalar(const std::string& key, std::string& text);

  std::map<std::string, YAML::Node> entries_;
  std::vector<std::string> order_;
  YAML::Node node_;
  std::string file_;
  std::string path_;
  std::shared_ptr<std::optional<Error>> first_error_;
  std::set<std::string> read_;
};

/// `90s`, or a number of seconds. Errors: invalid.
Result<Duration> seconds_or_duration(std::string_view text);

}  // namespace berth
