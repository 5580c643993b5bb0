#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"

namespace berth {

/// The right to be the one active dispatcher (facts §12). It may be lost and regained; who regains it begins anew, as
/// after a start, because another dispatcher may have acted meanwhile.
class Lease {
 public:
  virtual ~Lease() = default;
  /// Waits until it is ours. Error: the lease can never be had (e.g. permission), with the reason. Cancellable.
  virtual awaitable<Result<void>> acquire() = 0;
  /// The number of the term in which it is ours now, another one each time that it was had anew; 0: it is not ours.
  /// Asked again right before each thing that only the active dispatcher may do. 0 from the moment on at which another
  /// may have it, even if nothing has run in this process for a while. Thread-safe.
  virtual std::uint64_t term() const = 0;
  bool held() const { return term() != 0; }
  /// Raised when `term()` changed; who hears of it late may find that several terms have passed.
  virtual Signal& changed() = 0;
  /// Gives it up, or stops trying; to be called before the lease is destroyed. Another may have it at once.
  virtual awaitable<void> release() = 0;
  /// How things stand, for people: who holds it, or why we do not. Holds no secret. Thread-safe.
  virtual std::string detail() const = 0;
};

/// A lock on a file, for one machine. acquire() does not wait: if another process holds it the error says which PID.
std::unique_ptr<Lease> make_file_lease(const std::string& path);
/// Always ours.
std::unique_ptr<Lease> make_no_lease();
/// PostgreSQL's advisory lock 10005 on a session of its own, so that it also excludes the reference (facts §12). The
/// holder is heard of by PostgreSQL every 2 s; `held()` ends 4 s after the last request that was answered, even if the
/// machine slept meanwhile, and at once if the session ends. It keeps trying after any error. `connection`:
/// PostgreSQL.Connection (facts §1.3). Error: invalid, naming the key, or if every value is empty.
Result<std::unique_ptr<Lease>> make_postgres_lease(Runtime& runtime, Logger log,
                                                   const std::map<std::string, std::string>& connection);

}  // namespace berth
