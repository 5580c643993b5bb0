#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

/// Cuts a stream into lines without their `\n`; the last may lack one.
class LineSplitter {
 public:
  LineSplitter(std::function<void(std::string_view)> on_line, std::size_t max_line)
      : on_line_(std::move(on_line)), max_line_(max_line) {}

  /// False if a line is longer than max_line.
  bool take(std::string_view bytes) {
    for (auto end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
      if (rest_.size() + end > max_line_) return false;
      rest_.append(bytes.substr(0, end));
      on_line_(rest_);
      rest_.clear();
      bytes.remove_prefix(end + 1);
    }
    if (rest_.size() + bytes.size() > max_line_) return false;
    rest_.append(bytes);
    return true;
  }
  void finish() {
    if (!rest_.empty()) on_line_(std::exchange(rest_, {}));
  }

 private:
  std::function<void(std::string_view)> on_line_;
  std::size_t max_line_;
  std::string rest_;
};

}  // namespace berth
