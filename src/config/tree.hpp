#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::config {

/// Where something stands in a file, both from 1; 0 for what comes from no file (a default).
struct Position {
  int line = 0;
  int column = 0;
};

/// A value of a configuration document that remembers where it was written.
struct Node {
  enum class Kind { null, boolean, number, text, list, map };

  Kind kind = Kind::null;
  Position at;          ///< of the value
  Position key_at;      ///< of its key, if it is in a map
  bool own = false;     ///< in the default document: a key of Berth alone, without default there
  bool quoted = false;  ///< a text that was written in quotes or as a block
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Node> items;
  std::map<std::string, Node> entries;

  bool is_map() const { return kind == Kind::map; }
  /// The entry of a map; nullptr if there is none.
  const Node* find(const std::string& key) const {
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : &found->second;
  }
};

/// `a string`, `a list`, … for messages.
const char* kind_name(const Node& node);

/// The node at a dotted path of keys without dots; nullptr if there is none.
const Node* find_path(const Node& root, std::string_view path);

}  // namespace berth::config
