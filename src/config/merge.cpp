#include "merge.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "keys.hpp"

namespace berth::config {
namespace {

const std::string kSample = "SAMPLE";
constexpr std::string_view kDriverParameters = "DriverParameters";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// How many letters must be added, removed or changed to make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

struct Nearest {
  std::string key;  ///< empty: none
  bool likely = false;
};

/// The known key that `key` is most like, and whether it was probably meant.
Nearest nearest(const std::string& key, const Node& known) {
  constexpr std::size_t longest = 64;
  if (key.size() > longest) return {};
  std::string best;
  std::size_t best_distance = longest;
  for (const auto& [name, node] : known.entries) {
    const std::size_t distance = name == kSample ? longest : edit_distance(lower(key), lower(name));
    if (distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return {best, best_distance <= key.size() / 3};
}

Node without_nulls(const Node& node) {
  Node out = node;
  std::erase_if(out.entries, [](const auto& entry) { return entry.second.kind == Node::Kind::null; });
  for (auto& [key, value] : out.entries) value = without_nulls(value);
  return out;
}

Node without_samples(const Node& node) {
  Node out = node;
  std::erase_if(out.entries, [](const auto& entry) { return entry.first == kSample || entry.second.own; });
  for (auto& [key, value] : out.entries) value = without_samples(value);
  return out;
}

class Merger {
 public:
  explicit Merger(Findings& findings) : findings_(findings) {}

  /// `base` is what the site's object is laid over; `shape` tells which keys there are and may hold more (`SAMPLE`).
  Node merge(Node base, const Node& shape, const Node& site, const std::string& path, bool keep_unknown) {
    base.at = site.at;
    base.key_at = site.key_at;
    const Node* sample = shape.find(kSample);
    for (const auto& [key, value] : site.entries) {
      if (value.kind == Node::Kind::null) continue;
      const std::string key_path = path.empty() ? key : path + "." + key;
      if (key == kSample) {
        findings_.warn(value.key_at, key_path, "a placeholder in the documentation: ignored");
        continue;
      }
      const Node* key_shape = shape.find(key) != nullptr ? shape.find(key) : sample;
      if (key_shape != nullptr) {
        base.entries[key] = merge_value(base, *key_shape, key, value, key_path, keep_unknown);
      } else if (shape.entries.empty() || report_unknown(shape, key, value, key_path, keep_unknown)) {
        base.entries[key] = without_nulls(value);
      }
    }
    return base;
  }

 private:
  Node merge_value(const Node& base, const Node& shape, const std::string& key, const Node& value,
                   const std::string& path, bool keep_unknown) {
    if (!shape.is_map() || !value.is_map()) return without_nulls(value);
    const Node* old = base.find(key);
    Node start;
    start.kind = Node::Kind::map;
    if (old != nullptr && old->is_map()) start = *old;
    return merge(std::move(start), shape, value, path, keep_unknown || key == kDriverParameters);
  }

  /// Whether to keep it all the same.
  bool report_unknown(const Node& shape, const std::string& key, const Node& value, const std::string& path,
                      bool keep_unknown) {
    const Nearest near = findings_.full() ? Nearest{} : nearest(key, shape);
    if (!near.key.empty() && lower(near.key) == lower(key)) {
      findings_.warn(value.key_at, path, "unknown key, ignored: it is written " + near.key);
      return false;
    }
    const std::string hint = near.key.empty() ? ""
                             : near.likely    ? "; did you mean " + near.key + "?"
                                              : "; the nearest known key is " + near.key;
    findings_.warn(value.key_at, path,
                   keep_unknown ? "not among the known parameters, handed to the driver as it is" + hint
                                : "unknown key, ignored" + hint);
    return keep_unknown;
  }

  Findings& findings_;
};

}  // namespace

Node merge_cluster(const Node& defaults, const Node& site, Findings& findings) {
  return Merger(findings).merge(without_samples(defaults), defaults, site, "", false);
}

}  // namespace berth::config
