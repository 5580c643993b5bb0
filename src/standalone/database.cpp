#include "database.hpp"

#include <sqlite3.h>

namespace berth {
namespace {

/// List queries come in many shapes; more kept statements than this are dropped and prepared anew.
constexpr std::size_t kMaxKeptStatements = 200;
constexpr int kBusyTimeoutMs = 5000;
/// Longer patterns of LIKE can take quadratic time.
constexpr int kMaxPatternBytes = 1000;
constexpr int kMaxValueBytes = 64 << 20;

int bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *real);
  if (const auto* text = std::get_if<std::string>(&value))
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  return sqlite3_bind_null(statement, index);
}

/// Puts a kept statement back into its initial state, whatever happened.
struct ResetAtEnd {
  sqlite3_stmt* statement;
  ~ResetAtEnd() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

}  // namespace

bool SqlRow::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t SqlRow::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double SqlRow::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string_view SqlRow::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
              : std::string_view();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  const int access = mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (!handle) return fail(ErrorKind::failed, path + ": no memory");
  std::unique_ptr<Database> database(new Database(handle));
  const auto refuse = [&](const Error& error) { return fail(ErrorKind::failed, path + ": " + error.message); };
  if (opened != SQLITE_OK) return refuse(database->error("cannot open the database").value());
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, kMaxPatternBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const char* const settings = mode == Mode::read_write
                                   ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                                     "PRAGMA case_sensitive_like = ON; SELECT count(*) FROM sqlite_schema;"
                                   : "PRAGMA query_only = ON; PRAGMA case_sensitive_like = ON;";
  if (auto set = database->execute_script(settings); !set) return refuse(set.error());
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

tl::unexpected<Error> Database::error(std::string_view doing) const {
  const int code = sqlite3_errcode(handle_);
  std::string message = std::string(doing) + ": " + sqlite3_errmsg(handle_);
  if (code == SQLITE_FULL) message = "the disk is full, nothing was changed (" + message + ")";
  return fail(ErrorKind::server_error, std::move(message));
}

Result<sqlite3_stmt*> Database::prepare(std::string_view sql) {
  if (const auto kept = statements_.find(std::string(sql)); kept != statements_.end()) return kept->second;
  if (statements_.size() >= kMaxKeptStatements) {
    for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
    statements_.clear();
  }
  sqlite3_stmt* statement = nullptr;
  const int prepared = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                          &statement, nullptr);
  if (prepared != SQLITE_OK) return error("database");
  statements_.emplace(sql, statement);
  return statement;
}

Result<void> Database::query(std::string_view sql, const SqlValues& values,
                             const std::function<bool(const SqlRow&)>& on_row) {
  const auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  const ResetAtEnd reset{*statement};
  for (std::size_t i = 0; i < values.size(); ++i)
    if (bind(*statement, static_cast<int>(i) + 1, values[i]) != SQLITE_OK) return error("database");
  for (;;) {
    const int stepped = sqlite3_step(*statement);
    if (stepped == SQLITE_DONE) return {};
    if (stepped != SQLITE_ROW) return error("database");
    if (on_row && !on_row(SqlRow(*statement))) return {};
  }
}

Result<void> Database::execute(std::string_view sql, const SqlValues& values) {
  return query(sql, values, nullptr);
}

Result<void> Database::execute_script(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("database");
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql, const SqlValues& values, std::int64_t fallback) {
  std::int64_t found = fallback;
  auto done = query(sql, values, [&](const SqlRow& row) {
    found = row.integer(0);
    return false;
  });
  if (!done) return fail(done.error());
  return found;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

}  // namespace berth
