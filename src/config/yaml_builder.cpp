#include "yaml_builder.hpp"

#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "yaml_scalar.hpp"

namespace berth::config {
namespace {

constexpr std::string_view kPlainTag = "?";
constexpr std::string_view kQuotedTag = "!";
constexpr std::string_view kYamlTags = "tag:yaml.org,2002:";

Position position(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

Node text_node(const std::string& value) {
  Node node;
  node.kind = Node::Kind::text;
  node.text = value;
  node.quoted = true;
  return node;
}

/// A scalar with its tag applied: `!!str 22` is a string.
Node scalar(Position at, const std::string& tag, const std::string& value) {
  if (tag == kPlainTag) return resolve_plain_scalar(value);
  if (tag == kQuotedTag) return text_node(value);
  const std::string_view name =
      tag.starts_with(kYamlTags) ? std::string_view(tag).substr(kYamlTags.size()) : std::string_view();
  if (name == "str") return text_node(value);
  Node node = resolve_plain_scalar(value);
  const bool fits = name == "bool"                     ? node.kind == Node::Kind::boolean
                    : name == "int" || name == "float" ? node.kind == Node::Kind::number
                    : name == "null"                   ? node.kind == Node::Kind::null
                                                       : false;
  if (!fits) throw YamlError{at, "the tag " + tag + " is unknown or does not go with this value"};
  return node;
}

}  // namespace

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Node node;
  node.at = position(mark);
  count(node.at, {1, 0});
  remember(anchor, node, {1, 0});
  add(std::move(node), false);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  const Position at = position(mark);
  if (tag == kQuotedTag) check_quote(mark);
  Node node = scalar(at, tag, value);
  node.at = at;
  const Size size{1, value.size()};
  count(at, size);
  remember(anchor, node, size);
  add(std::move(node), tag == kPlainTag && value == "<<");
}

void TreeBuilder::check_quote(const YAML::Mark& mark) {
  const auto begin = static_cast<std::size_t>(mark.pos);
  const char quote = begin < text_.size() ? text_[begin] : '\0';
  if (quote != '"' && quote != '\'') return;  // a block
  int line = mark.line + 1;
  for (std::size_t i = begin + 1; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '\n') ++line;
    if (quote == '"' && c == '\\') {
      if (i + 1 < text_.size() && text_[i + 1] == '\n') ++line;
      ++i;
    } else if (c == quote && quote == '\'' && i + 1 < text_.size() && text_[i + 1] == quote) {
      ++i;
    } else if (c == quote) {
      if (line == mark.line + 1) return;
      quote_begin_ = position(mark);
      quote_end_line_ = line;
      return;
    }
  }
  throw YamlError{position(mark), fmt::format("the quote {} is not closed before the end of the file", quote)};
}

std::optional<Position> TreeBuilder::quote_ending_on(int line) const {
  if (quote_end_line_ == 0 || quote_end_line_ != line) return std::nullopt;
  return quote_begin_;
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const Position at = position(mark);
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) throw YamlError{at, "this alias is part of what it stands for"};
  count(at, found->second.size);
  Node node = found->second.node;
  node.at = at;
  add(std::move(node), false);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value) {
  open(Node::Kind::list, mark, tag, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  open(Node::Kind::map, mark, tag, anchor);
}

void TreeBuilder::open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
  const Position at = position(mark);
  const std::string own_tag = std::string(kYamlTags) + (kind == Node::Kind::map ? "map" : "seq");
  if (tag != kPlainTag && tag != kQuotedTag && !tag.empty() && tag != own_tag) {
    throw YamlError{at, "the tag " + tag + " is unknown or does not go with this value"};
  }
  if (open_.size() >= limits_.depth) throw YamlError{at, fmt::format("nested deeper than {}", limits_.depth)};
  Frame frame;
  frame.size_at_start = total_;
  count(at, {1, 0});
  frame.node.kind = kind;
  frame.node.at = at;
  frame.anchor = anchor;
  open_.push_back(std::move(frame));
}

void TreeBuilder::close() {
  Frame frame = std::move(open_.back());
  open_.pop_back();
  // What a map says itself wins over what it merges, and an earlier merged map over a later one.
  for (Node& source : frame.merged) frame.node.entries.merge(source.entries);
  const Size size{total_.nodes - frame.size_at_start.nodes, total_.bytes - frame.size_at_start.bytes};
  remember(frame.anchor, frame.node, size);
  add(std::move(frame.node), false);
}

void TreeBuilder::add(Node node, bool is_merge_key) {
  if (open_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = open_.back();
  if (frame.node.kind == Node::Kind::list) {
    frame.node.items.push_back(std::move(node));
  } else if (!frame.key) {
    add_key(frame, node, is_merge_key);
  } else if (frame.merge_key) {
    add_merged(frame, std::move(node));
  } else {
    add_value(frame, std::move(node));
  }
}

void TreeBuilder::add_key(Frame& frame, const Node& node, bool is_merge_key) {
  frame.key_at = node.at;
  frame.merge_key = is_merge_key;
  switch (node.kind) {
    case Node::Kind::text:
      frame.key = node.text;
      return;
    case Node::Kind::number:
      frame.key = number_text(node.number);
      return;
    case Node::Kind::boolean:
      frame.key = node.boolean ? "true" : "false";
      findings_.warn(node.at, path(), "an unquoted yes, no, on, off, y or n is a boolean: quote this key");
      return;
    default:
      throw YamlError{node.at, std::string("a key must be a string, not ") + kind_name(node)};
  }
}

void TreeBuilder::add_value(Frame& frame, Node node) {
  node.key_at = frame.key_at;
  const auto [place, is_new] = frame.node.entries.try_emplace(*frame.key);
  if (!is_new) {
    findings_.warn(frame.key_at, path(),
                   fmt::format("set twice in one object: the value at {}:{} is ignored", place->second.key_at.line,
                               place->second.key_at.column));
  }
  place->second = std::move(node);
  frame.key.reset();
}

void TreeBuilder::add_merged(Frame& frame, Node node) {
  frame.key.reset();
  std::vector<Node> maps;
  if (node.kind == Node::Kind::list) {
    maps = std::move(node.items);
  } else {
    maps.push_back(std::move(node));
  }
  for (Node& map : maps) {
    if (!map.is_map()) throw YamlError{frame.key_at, "<< needs an object or a list of objects"};
    frame.merged.push_back(std::move(map));
  }
}

std::string TreeBuilder::path() const {
  std::string path;
  const bool in_cluster = open_.size() > 2 && open_.front().key == "Clusters";
  for (std::size_t i = in_cluster ? 2 : 0; i < open_.size(); ++i) {
    if (open_[i].key) path += (path.empty() ? "" : ".") + *open_[i].key;
  }
  return path;
}

void TreeBuilder::count(Position at, Size more) {
  total_.nodes += more.nodes;
  total_.bytes += more.bytes;
  if (total_.nodes > limits_.nodes) throw YamlError{at, fmt::format("more than {} values", limits_.nodes)};
  if (total_.bytes > limits_.expanded_bytes) {
    throw YamlError{at, fmt::format("more than {} bytes of text once aliases are expanded", limits_.expanded_bytes)};
  }
}

void TreeBuilder::remember(YAML::anchor_t anchor, const Node& node, Size size) {
  if (anchor == 0) return;
  count(node.at, size);  // it is kept a second time
  anchors_[anchor] = {node, size};
}

}  // namespace berth::config
