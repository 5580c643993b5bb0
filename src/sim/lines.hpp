#pragma once

#include <string_view>

namespace berth {

/// Takes the lines of a text one by one, without their ends (`\n` or `\r\n`).
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  /// The next line into `line`; false at the end.
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    ++number_;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
  }
  std::size_t number() const { return number_; }  ///< of the last line, from 1

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

}  // namespace berth
