#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

#include "database.hpp"
#include "filters.hpp"
#include "tables.hpp"

namespace berth {

/// Columns to set, by name; JSON columns hold their text.
using Changes = std::map<std::string, SqlValue, std::less<>>;

/// One record as JSON text: the columns, `kind` and `etag`. Errors: not_found.
Result<std::string> read_record(Database& database, const Table& table, const std::string& uuid,
                                const std::vector<const Field*>& columns);
/// A page: `{"kind":"arvados#containerList","items":[…],…}`. A page of very large records ends early (facts §2.2).
Result<std::string> read_page(Database& database, const Table& table, const ListQuery& query);

Result<void> insert_record(Database& database, const Table& table, const Changes& record);
Result<void> update_record(Database& database, const Table& table, const std::string& uuid, const Changes& changes);

/// JSON text to store; bytes that are no UTF-8 are replaced.
std::string json_text(const nlohmann::json& value);

}  // namespace berth
