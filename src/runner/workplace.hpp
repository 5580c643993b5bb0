#pragma once

#include <string>

#include "berth/base/result.hpp"

namespace berth::runner {

/// A container's directories on this machine: `work` is the command's own, `spool` holds its log on the way. Removed
/// with the object.
class Workplace {
 public:
  /// In `$BERTH_WORK_DIR`, under the container's uuid; else under a name of its own in `/tmp`. Errors: exhausted,
  /// failed.
  static Result<Workplace> make(const std::string& uuid);
  Workplace(Workplace&& other) noexcept : root_(std::move(other.root_)) { other.root_.clear(); }
  Workplace& operator=(Workplace&&) = delete;
  ~Workplace();
  std::string work() const { return root_ + "/work"; }
  std::string spool() const { return root_ + "/spool"; }

 private:
  explicit Workplace(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace berth::runner
