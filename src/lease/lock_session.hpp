#pragma once

#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// A session with the database in which the lock lives. Calls come one at a time; each ends or can be cancelled, after
/// which only close() and open() make sense. Errors hold no secret.
class LockSession {
 public:
  virtual ~LockSession() = default;
  /// Connects and prepares the session, so that the server soon drops a holder who is gone. Has deadlines of its own.
  virtual awaitable<Result<void>> open() = 0;
  /// Whether we have the lock now.
  virtual awaitable<Result<bool>> try_lock() = 0;
  virtual awaitable<Result<void>> ping() = 0;
  /// Who has the lock, in words; empty if that cannot be told.
  virtual awaitable<Result<std::string>> holder() = 0;
  /// Waits this long. Error: the session ended before.
  virtual awaitable<Result<void>> idle_for(Duration duration) = 0;
  /// Ends the session, which gives the lock up.
  virtual void close() = 0;
};

}  // namespace berth
