#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include "findings.hpp"
#include "tree.hpp"
#include "yaml_tree.hpp"

namespace berth::config {

/// Thrown out of the parser to stop it.
struct YamlError {
  Position at;
  std::string message;
};

/// Makes a Node of the parser's events. yaml-cpp's own document model is not used: it does not apply merge keys, hides
/// duplicate keys, and expands aliases without bound.
class TreeBuilder : public YAML::EventHandler {
 public:
  /// `text` is what the parser reads.
  TreeBuilder(std::string_view text, const YamlLimits& limits, Findings& findings)
      : text_(text), limits_(limits), findings_(findings) {}

  Node take() { return std::move(root_); }
  /// Where the quoted text began that was read last and goes over several lines, if it ends on this line.
  std::optional<Position> quote_ending_on(int line) const;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { close(); }

 private:
  struct Size {
    std::size_t nodes = 0;
    std::size_t bytes = 0;
  };
  /// A list or map that is still being read.
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    Size size_at_start;
    std::optional<std::string> key;  ///< of a map: read, its value not yet
    Position key_at;
    bool merge_key = false;    ///< the key is `<<`
    std::vector<Node> merged;  ///< the maps that `<<` names
  };
  struct Anchor {
    Node node;
    Size size;
  };

  /// A quoted scalar at this mark must end before the file does, which the parser does not insist on.
  void check_quote(const YAML::Mark& mark);
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
  void close();
  void add(Node node, bool is_merge_key);
  void add_key(Frame& frame, const Node& node, bool is_merge_key);
  void add_value(Frame& frame, Node node);
  void add_merged(Frame& frame, Node node);
  /// The dotted path of the open frame's key, below the cluster if it is in one.
  std::string path() const;
  void count(Position at, Size more);
  void remember(YAML::anchor_t anchor, const Node& node, Size size);

  const std::string_view text_;
  const YamlLimits limits_;
  Findings& findings_;
  Node root_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  Size total_;
  Position quote_begin_;  ///< of the last quoted text over several lines
  int quote_end_line_ = 0;
};

}  // namespace berth::config
