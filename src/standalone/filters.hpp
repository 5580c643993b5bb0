#pragma once

#include <string>
#include <vector>

#include "berth/base/result.hpp"

#include "database.hpp"
#include "params.hpp"
#include "tables.hpp"

namespace berth {

inline constexpr std::int64_t kDefaultPage = 100;
inline constexpr std::int64_t kLargestPage = 1000;

/// A list call as SQL. Names in the text come from the table's fields alone; every value is bound.
struct ListQuery {
  std::vector<const Field*> columns;
  std::string where;  ///< ` WHERE …` or empty
  std::string order;  ///< ` ORDER BY …`, always total: ends with uuid
  SqlValues values;   ///< of `where`
  std::int64_t limit = kDefaultPage;
  std::int64_t offset = 0;
  bool count = true;  ///< whether `items_available` is wanted

  std::string select_sql(const Table& table) const;  ///< without LIMIT and OFFSET, which are bound last
  std::string count_sql(const Table& table) const;
};

/// `filters`, `select`, `order`, `limit`, `offset`, `count` (facts §2.2). Errors: invalid (422), naming the field.
Result<ListQuery> make_list_query(const Table& table, const Params& params);
/// `select` alone; all fields if absent or empty.
Result<std::vector<const Field*>> selected_columns(const Table& table, const Params& params);
/// `a, b, c`.
std::string column_list(const std::vector<const Field*>& columns);

}  // namespace berth
