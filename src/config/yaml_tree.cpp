#include "yaml_tree.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <istream>
#include <streambuf>
#include <string>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "yaml_builder.hpp"

namespace berth::config {
namespace {

/// A stream over text that it does not copy.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // never written: there is no put area
    setg(begin, begin, begin + text.size());
  }
};

/// Swallows a document.
class Ignore : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool beyond = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

/// yaml-cpp guesses at encodings and passes broken ones on; JSON could not carry them.
bool check_characters(std::string_view text, Findings& findings) {
  Position at{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      findings.error(at, "", fmt::format("byte 0x{:02x} is not UTF-8", c));
      return false;
    }
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      findings.error(at, "", fmt::format("control character 0x{:02x}", c));
      return false;
    }
    i += length;
    at = c == '\n' ? Position{at.line + 1, 1} : Position{at.line, at.column + 1};
  }
  return true;
}

/// yaml-cpp's words for a line that is indented with a tab are not always clear.
std::string_view tab_hint(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  const std::string_view indent = text.substr(0, std::min(text.find_first_not_of(" \t"), text.size()));
  return indent.find('\t') == std::string_view::npos ? ""
                                                     : " (this line is indented with a tab; YAML takes only spaces)";
}

/// The end of a text without a line break at its end.
Position end_of(std::string_view text) {
  const std::size_t last_break = text.rfind('\n');
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  const std::size_t begin = last_break == std::string_view::npos ? 0 : last_break + 1;
  return {lines + 1, static_cast<int>(text.size() - begin) + 1};
}

/// A missing quote lets a text run on to the next quote, and the parser stumbles there.
std::string quote_hint(const TreeBuilder& builder, int line) {
  const std::optional<Position> begin = builder.quote_ending_on(line);
  if (!begin) return "";
  return fmt::format(" (the quote of line {}, column {} ends on this line: is its end missing?)", begin->line,
                     begin->column);
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text, const YamlLimits& limits, Findings& findings) {
  if (text.size() > limits.text_bytes) {
    findings.error({}, "", fmt::format("larger than {} bytes", limits.text_bytes));
    return std::nullopt;
  }
  if (!check_characters(text, findings)) return std::nullopt;
  // The parser says nothing useful about a quote that the end of the file cuts off, unless a line break comes before.
  const std::string whole = text.ends_with('\n') ? std::string() : std::string(text) + '\n';
  const std::string_view given = text;
  if (!whole.empty()) text = whole;
  TreeBuilder builder(text, limits, findings);
  try {
    TextBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    Ignore rest;
    if (parser.HandleNextDocument(rest)) {
      findings.warn({}, "", "the file holds several YAML documents: only the first is read");
    }
    return builder.take();
  } catch (const YamlError& error) {
    findings.error(error.at, "", error.message);
  } catch (const YAML::Exception& error) {
    Position at = error.mark.is_null() ? Position{} : Position{error.mark.line + 1, error.mark.column + 1};
    if (!whole.empty() && at.line > end_of(given).line) at = end_of(given);
    findings.error(at, "",
                   "YAML syntax: " + error.msg + std::string(tab_hint(text, at.line)) + quote_hint(builder, at.line));
  }
  return std::nullopt;
}

}  // namespace berth::config
