#pragma once

#include <span>
#include <string_view>

namespace berth::config {

/// What a key holds (facts §1.2).
enum class KeyType {
  text,  ///< string; a number must be quoted
  boolean,
  integer,  ///< 64 bits
  real,
  duration,  ///< `2m30s`
  bytes,     ///< `550MiB` or an integer
  url,
  text_list,
  text_map,    ///< strings by name
  text_set,    ///< `{a: {}, b: {}}` or `[a, b]`
  url_map,     ///< objects by URL
  object_map,  ///< objects by name
  object,      ///< fixed keys
  free,        ///< anything, handed on as it is
};
/// `a duration such as 10s`, for messages and the reference page.
std::string_view description(KeyType type);

/// One key of the configuration file that Berth reads or has to understand to hand it on.
struct Key {
  std::string_view path;  ///< below `Clusters.<ID>`; `*` stands for any name
  KeyType type;
  std::string_view default_value;  ///< as JSON; for a key below `*` the value if it is left out
  std::string_view doc;            ///< one line; empty for keys that are only handed on
  bool secret = false;             ///< its value is never shown
  bool own = false;                ///< Berth's own: not in the reference's document
};

/// All keys, by subject.
std::span<const Key> keys();
/// nullptr if the table has no such path.
const Key* find_key(std::string_view path);

}  // namespace berth::config
