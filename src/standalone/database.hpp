#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "berth/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace berth {

/// A value bound to a statement; monostate is NULL.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;
using SqlValues = std::vector<SqlValue>;

/// The row at hand while a query runs; columns count from 0. Views are good until the next row.
class SqlRow {
 public:
  explicit SqlRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

/// One connection to a database file, used by one thread at a time. Statements are prepared once and kept.
/// Errors: server_error, with SQLite's text; a full disk says so.
class Database {
 public:
  enum class Mode { read_write, read_only };
  /// WAL, every commit synced. Errors: failed, with file and SQLite's text (a file that is no database included).
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs a statement to its end; `on_row` may return false to stop early.
  Result<void> query(std::string_view sql, const SqlValues& values, const std::function<bool(const SqlRow&)>& on_row);
  Result<void> execute(std::string_view sql, const SqlValues& values = {});
  /// Several statements without values: the schema.
  Result<void> execute_script(const char* sql);
  /// The first column of the first row; `fallback` without rows.
  Result<std::int64_t> integer(std::string_view sql, const SqlValues& values = {}, std::int64_t fallback = 0);
  /// False also after SQLite rolled a transaction back by itself, as it may when the disk is full.
  bool in_transaction() const;

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  tl::unexpected<Error> error(std::string_view doing) const;

  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace berth
