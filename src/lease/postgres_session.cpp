#include "postgres_session.hpp"

#include <utility>

#include "berth/base/deadline.hpp"
#include "berth/base/name_lookup.hpp"
#include "berth/lease/lease.hpp"

#include "pg_connection.hpp"
#include "session_lease.hpp"

namespace berth {
namespace {

constexpr Duration kConnectLimit = std::chrono::seconds(3);  // of each address, and of a name look-up
constexpr Duration kPrepareLimit = std::chrono::seconds(2);

/// A holder whose machine or network is gone must not keep the lock: the server asks after it, and gives up within
/// 5 + 2 × 3 s. The second statement wants PostgreSQL 12.
constexpr const char* kKeepAlive =
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3";
constexpr const char* kUserTimeout = "SET tcp_user_timeout = 10000";
constexpr const char* kTryLock = "SELECT pg_try_advisory_lock(10005)";
/// A 64-bit key below 2³² is shown as classid 0, objid = key, objsubid 1.
constexpr const char* kHolder =
    "SELECT host(a.client_addr), a.client_port, a.application_name, l.pid FROM pg_locks l "
    "LEFT JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 "
    "AND l.objid = 10005 AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

class PostgresSession final : public LockSession {
 public:
  PostgresSession(Runtime& runtime, Logger log, ConnectionKeywords connection)
      : runtime_(runtime), log_(std::move(log)), wanted_(std::move(connection)) {}

  awaitable<Result<void>> open() override {
    Result<void> last = fail(ErrorKind::network, "no address to connect to");
    for (const DatabaseEndpoint& endpoint : wanted_.endpoints) {
      last = co_await open_endpoint(endpoint);
      if (last) co_return last;
    }
    close();
    co_return last;
  }

  awaitable<Result<bool>> try_lock() override {
    auto rows = co_await connection_.query(kTryLock);
    if (!rows) co_return fail(rows.error());
    co_return parse_lock_answer(*rows);
  }
  awaitable<Result<void>> ping() override {
    auto rows = co_await connection_.query("SELECT 1");
    if (!rows) co_return fail(rows.error());
    co_return Result<void>{};
  }
  awaitable<Result<std::string>> holder() override {
    auto rows = co_await connection_.query(kHolder);
    if (!rows) co_return fail(rows.error());
    co_return describe_holder(*rows);
  }

  awaitable<Result<void>> idle_for(Duration duration) override {
    if (duration <= Duration::zero()) co_return Result<void>{};
    auto ended = co_await with_deadline(runtime_, duration, connection_.until_ended());
    if (!ended && ended.error().kind == ErrorKind::timeout) co_return Result<void>{};
    co_return ended;
  }

  void close() override { connection_.close(); }

 private:
  awaitable<Result<void>> open_endpoint(DatabaseEndpoint endpoint) {
    std::vector<std::string> addresses{endpoint.hostaddress};
    if (endpoint.needs_lookup()) {
      auto found = co_await with_deadline(runtime_, kConnectLimit, look_up_host(runtime_, endpoint.host));
      if (!found) co_return fail(found.error().within("look-up of " + endpoint.host));
      addresses = std::move(*found);
    }
    Result<void> last;
    for (const std::string& address : addresses) {
      last = co_await open_address(endpoint, address);
      if (last) break;
    }
    co_return last;
  }

  awaitable<Result<void>> open_address(DatabaseEndpoint endpoint, std::string address) {
    auto keywords = wanted_.keywords;
    const auto set = [&](const char* name, const std::string& value) {
      if (!value.empty()) keywords[name] = value;
    };
    set("host", endpoint.host);
    set("hostaddr", address);
    set("port", endpoint.port);
    auto connected = co_await with_deadline(runtime_, kConnectLimit, connection_.connect(std::move(keywords)));
    if (!connected) co_return connected;
    co_return co_await prepare();
  }

  awaitable<Result<void>> prepare() {
    auto kept_alive = co_await with_deadline(runtime_, kPrepareLimit, connection_.query(kKeepAlive));
    if (!kept_alive) co_return fail(kept_alive.error());
    auto limited = co_await with_deadline(runtime_, kPrepareLimit, connection_.query(kUserTimeout));
    if (!limited && limited.error().kind != ErrorKind::failed) co_return fail(limited.error());
    if (!limited && !std::exchange(warned_, true))
      log_.warn("PostgreSQL cannot limit how long data stay unacknowledged; TCP keep-alives alone must do",
                {{"Reason", limited.error().message}});
    co_return Result<void>{};
  }

  Runtime& runtime_;
  const Logger log_;
  const ConnectionKeywords wanted_;
  PgConnection connection_;
  bool warned_ = false;
};

}  // namespace

Result<bool> parse_lock_answer(const PgRows& rows) {
  if (rows.size() == 1 && rows[0].size() == 1 && rows[0][0]) {
    if (*rows[0][0] == "t") return true;
    if (*rows[0][0] == "f") return false;
  }
  return fail(ErrorKind::undecodable, "pg_try_advisory_lock answered neither true nor false");
}

std::string describe_holder(const PgRows& rows) {
  if (rows.empty() || rows[0].size() != 4) return {};
  const auto& row = rows[0];
  std::string text;
  if (row[0]) text = "client " + *row[0] + (row[1] ? ':' + *row[1] : std::string()) + ' ';
  const bool named = row[2] && !row[2]->empty();
  text += '(' + (named ? *row[2] + ", " : std::string()) + "process " + row[3].value_or("unknown") + ')';
  return one_line(text);
}

std::unique_ptr<LockSession> make_postgres_session(Runtime& runtime, Logger log, ConnectionKeywords connection) {
  return std::make_unique<PostgresSession>(runtime, std::move(log), std::move(connection));
}

Result<std::unique_ptr<Lease>> make_postgres_lease(Runtime& runtime, Logger log,
                                                   const std::map<std::string, std::string>& connection) {
  auto keywords = parse_connection(connection);
  if (!keywords) return fail(keywords.error());
  auto session = make_postgres_session(runtime, log, std::move(*keywords));
  return make_session_lease(runtime, std::move(log), std::move(session), time_since_boot);
}

}  // namespace berth
