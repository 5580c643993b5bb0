#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"

#include "bounded_relay.hpp"

extern "C" {
struct pg_conn;
}

namespace berth {

using PgRows = std::vector<std::vector<std::optional<std::string>>>;

/// One libpq connection, driven without blocking on the caller's executor. Nothing here has a deadline: use
/// with_deadline. After a cancelled call only close() makes sense. Errors: network, with libpq's words; exhausted: the
/// server sent more than any answer here needs.
class PgConnection {
 public:
  PgConnection() = default;
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  /// `keywords` must not need a name look-up.
  awaitable<Result<void>> connect(std::map<std::string, std::string> keywords);
  /// The rows of the last statement, at most 100. Error failed: the server refused it; the connection is still good.
  awaitable<Result<PgRows>> query(std::string sql);
  /// Returns, with the error, when the connection ends.
  awaitable<Result<void>> until_ended();
  void close();

 private:
  tl::unexpected<Error> failure() const;
  awaitable<Result<void>> flush();
  awaitable<Result<void>> receive();
  Result<void> count_waiting();

  pg_conn* connection_ = nullptr;
  BoundedRelay relay_;        // once connected: libpq itself sets no bound
  std::size_t received_ = 0;  // bytes while connecting, or a little less
};

/// libpq's words on one line of bounded length, without control characters.
std::string one_line(std::string_view text);

}  // namespace berth
