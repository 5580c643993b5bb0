#include "document.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "berth/base/units.hpp"

#include "keys.hpp"
#include "scalar_value.hpp"
#include "url.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

const std::string kSample = "SAMPLE";

bool is_set_shape(const Node& shape) {
  return !shape.entries.empty() && std::all_of(shape.entries.begin(), shape.entries.end(), [](const auto& entry) {
    return entry.second.is_map() && entry.second.entries.empty();
  });
}

KeyType type_of_map(const Node& shape) {
  if (shape.entries.empty()) return KeyType::free;
  if (is_set_shape(shape)) return KeyType::text_set;
  const Node* sample = shape.find(kSample);
  if (sample == nullptr) return KeyType::object;
  return sample->kind == Node::Kind::text ? KeyType::text_map : KeyType::object_map;
}

KeyType type_of_text(std::string_view pattern, const std::string& text) {
  if (pattern.ends_with(".ExternalURL") || pattern.ends_with(".ListenURL")) return KeyType::url;
  if (text.empty()) return KeyType::text;
  if (parse_duration(text)) return KeyType::duration;
  const bool has_unit = text.find_first_not_of("0123456789") != std::string::npos;
  return has_unit && parse_bytes(text) ? KeyType::bytes : KeyType::text;
}

/// The type of a key that is not in the table, seen from its default.
KeyType guessed_type(std::string_view pattern, const Node& shape) {
  switch (shape.kind) {
    case Node::Kind::boolean:
      return KeyType::boolean;
    case Node::Kind::number:
      return shape.number == std::floor(shape.number) ? KeyType::integer : KeyType::real;
    case Node::Kind::text:
      return type_of_text(pattern, shape.text);
    case Node::Kind::list:
      return KeyType::text_list;
    case Node::Kind::map:
      return pattern.ends_with(".InternalURLs") ? KeyType::url_map : type_of_map(shape);
    case Node::Kind::null:
      break;
  }
  return KeyType::free;
}

/// Where the walk through merged document and defaults is.
struct Place {
  std::string path;        ///< as the user wrote it
  std::string pattern;     ///< as the table of keys has it
  bool in_sample = false;  ///< below a `SAMPLE`: what is left out is zero, not a default

  Place key(const std::string& name) const { return {join(path, name), join(pattern, name), in_sample}; }
  Place entry(const std::string& name) const { return {join(path, name), join(pattern, "*"), true}; }

 private:
  static std::string join(const std::string& a, const std::string& b) { return a.empty() ? b : a + "." + b; }
};

class DocumentMaker {
 public:
  explicit DocumentMaker(Findings& findings) : findings_(findings) {}

  /// `node` may be nullptr: the value was left out.
  json make(const Node* node, const Node& shape, const Place& place) {
    const Key* key = find_key(place.pattern);
    const KeyType type = key != nullptr ? key->type : guessed_type(place.pattern, shape);
    if (node == nullptr) return zero(type, shape, place);
    switch (type) {
      case KeyType::object:
        return node->is_map() ? object(node, shape, place) : refuse(*node, shape, place, type);
      case KeyType::object_map:
      case KeyType::url_map:
        return node->is_map() ? entries(*node, shape, place, type) : refuse(*node, shape, place, type);
      case KeyType::text_map:
        return node->is_map() ? text_map(*node, place) : refuse(*node, shape, place, type);
      case KeyType::text_set:
        return text_set(*node, shape, place);
      case KeyType::text_list:
        return text_list(*node, shape, place);
      default:
        return scalar(*node, shape, place, type);
    }
  }

 private:
  json zero(KeyType type, const Node& shape, const Place& place) {
    switch (type) {
      case KeyType::text:
      case KeyType::url:
        return "";
      case KeyType::boolean:
        return false;
      case KeyType::integer:
      case KeyType::real:
      case KeyType::bytes:
        return 0;
      case KeyType::duration:
        return "0s";
      case KeyType::object:
        return object(nullptr, shape, place);
      default:
        return nullptr;
    }
  }

  json object(const Node* node, const Node& shape, const Place& place) {
    json out = json::object();
    for (const auto& [name, value_shape] : shape.entries) {
      const Node* value = node == nullptr ? nullptr : node->find(name);
      if (name == kSample || (value == nullptr && value_shape.own)) continue;
      out[name] = make(value, value_shape, place.key(name));
    }
    return out;
  }

  json entries(const Node& node, const Node& shape, const Place& place, KeyType type) {
    json out = json::object();
    const Node* sample = shape.find(kSample);
    for (const auto& [name, value] : node.entries) {
      if (name == kSample) continue;
      const Node* known = shape.find(name);
      const Place at = known != nullptr ? place.key(name) : place.entry(name);
      const Node& value_shape = known != nullptr ? *known : sample != nullptr ? *sample : value;
      std::string key = name;
      if (type == KeyType::url_map) {
        const auto url = normalized_url(name);
        if (!url) report(value.key_at, at, url.error().message);
        if (url) key = *url;
      }
      out[key] = make(&value, value_shape, at);
    }
    return out;
  }

  json text_map(const Node& node, const Place& place) {
    json out = json::object();
    for (const auto& [name, value] : node.entries) {
      if (name == kSample) continue;
      const auto text = scalar_value(value, KeyType::text);
      if (!text) report(value.at, place.entry(name), text.error().message);
      if (text) out[name] = *text;
    }
    return out;
  }

  json text_set(const Node& node, const Node& shape, const Place& place) {
    json out = json::object();
    if (node.is_map()) {
      for (const auto& [name, value] : node.entries) {
        if (name != kSample) out[name] = json::object();
      }
      return out;
    }
    if (node.kind != Node::Kind::list) return refuse(node, shape, place, KeyType::text_set);
    for (const Node& item : node.items) {
      const auto text = scalar_value(item, KeyType::text);
      if (!text) report(item.at, place, text.error().message);
      if (text) out[text->get<std::string>()] = json::object();
    }
    return out;
  }

  json text_list(const Node& node, const Node& shape, const Place& place) {
    if (node.kind != Node::Kind::list) return refuse(node, shape, place, KeyType::text_list);
    json out = json::array();
    for (const Node& item : node.items) {
      const auto text = scalar_value(item, KeyType::text);
      if (!text) report(item.at, place, text.error().message);
      if (text) out.push_back(*text);
    }
    return out;
  }

  json scalar(const Node& node, const Node& shape, const Place& place, KeyType type) {
    const auto value = scalar_value(node, type);
    if (!value) {
      report(node.at, place, value.error().message);
      return fallback(shape, place, type);
    }
    if (is_zero_size_quirk(node, type)) {
      findings_.warn(node.at, place.path, "a quoted number without unit counts as 0: remove the quotes or add B");
    }
    return *value;
  }

  json refuse(const Node& node, const Node& shape, const Place& place, KeyType type) {
    report(node.at, place, "expected " + std::string(description(type)) + ", got " + kind_name(node));
    return fallback(shape, place, type);
  }

  // Stands in so that the rest is checked, too. A default is never refused itself, so this does not come back here.
  json fallback(const Node& shape, const Place& place, KeyType type) {
    return place.in_sample ? zero(type, shape, place) : make(&shape, shape, place);
  }

  void report(Position at, const Place& place, const std::string& message) { findings_.error(at, place.path, message); }

  Findings& findings_;
};

}  // namespace

json make_document(const Node& merged, const Node& defaults, Findings& findings) {
  return DocumentMaker(findings).make(&merged, defaults, Place{});
}

}  // namespace berth::config
