#pragma once

#include <memory>
#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/signal.hpp"

namespace berth {

/// The right to be the one active dispatcher (facts §12).
class Lease {
 public:
  virtual ~Lease() = default;
  /// Waits until it is ours. Error: the lease can never be had (e.g. permission), with the reason.
  virtual awaitable<Result<void>> acquire() = 0;
  /// Whether it is ours now. Thread-safe.
  virtual bool held() const = 0;
  /// Raised when `held()` changed.
  virtual Signal& changed() = 0;
  virtual awaitable<void> release() = 0;
};

/// A lock on a file, for one machine. acquire() does not wait: if another process holds it the error says which PID.
std::unique_ptr<Lease> make_file_lease(const std::string& path);
/// Always ours.
std::unique_ptr<Lease> make_no_lease();

}  // namespace berth
