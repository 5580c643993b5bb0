#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "berth/config/load.hpp"

#include "tree.hpp"

namespace berth::config {

/// Collects diagnostics about one file, up to a bound.
class Findings {
 public:
  explicit Findings(std::string_view file) : file_(file) {}

  void error(Position at, std::string_view key, const std::string& message);
  void warn(Position at, std::string_view key, const std::string& message);
  bool has_errors() const { return errors_ > 0; }
  /// Whether further findings are only counted: looking for hints is then wasted work.
  bool full() const;
  /// All of them, in order of the file.
  std::vector<Diagnostic> take() &&;

 private:
  void add(Severity severity, Position at, std::string_view key, const std::string& message);

  std::string file_;
  std::vector<Diagnostic> found_;
  std::size_t errors_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace berth::config
