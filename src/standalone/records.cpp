#include "records.hpp"

#include <algorithm>

namespace berth {
namespace {

using Json = nlohmann::json;

/// A page that has reached this size takes no further record.
constexpr std::size_t kPageBytes = std::size_t{8} << 20;

/// JSON's own writer only where something needs escaping: most text of a page is uuids, states and times.
void append_text(std::string& out, std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) {
    out += json_text(Json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void append_value(std::string& out, const SqlRow& row, int column, FieldKind kind) {
  if (row.is_null(column)) {
    out += "null";
    return;
  }
  switch (kind) {
    case FieldKind::json:
      out += row.text(column);
      break;
    case FieldKind::integer:
      out += std::to_string(row.integer(column));
      break;
    case FieldKind::real:
      out += Json(row.real(column)).dump();
      break;
    case FieldKind::boolean:
      out += row.integer(column) != 0 ? "true" : "false";
      break;
    case FieldKind::text:
    case FieldKind::time:
      append_text(out, row.text(column));
      break;
  }
}

void append_record(std::string& out, const SqlRow& row, const Table& table, const std::vector<const Field*>& columns) {
  out += '{';
  int index = 0;
  for (const Field* column : columns) {
    out += '"';
    out += column->name;
    out += "\":";
    append_value(out, row, index++, column->kind);
    out += ',';
  }
  out += "\"etag\":\"\",\"kind\":\"";
  out += table.kind;
  out += "\"}";
}

}  // namespace

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> read_record(Database& database, const Table& table, const std::string& uuid,
                                const std::vector<const Field*>& columns) {
  std::string record;
  const std::string sql = "SELECT " + column_list(columns) + " FROM " + std::string(table.name) + " WHERE uuid = ?";
  auto done = database.query(sql, {uuid}, [&](const SqlRow& row) {
    append_record(record, row, table, columns);
    return false;
  });
  if (!done) return fail(done.error());
  if (record.empty()) return fail(ErrorKind::not_found, std::string(table.parameter) + " " + uuid + " not found");
  return record;
}

Result<std::string> read_page(Database& database, const Table& table, const ListQuery& query) {
  std::string items;
  SqlValues values = query.values;
  values.emplace_back(query.limit);
  values.emplace_back(query.offset);
  auto done = database.query(query.select_sql(table), values, [&](const SqlRow& row) {
    if (!items.empty()) items += ',';
    append_record(items, row, table, query.columns);
    return items.size() < kPageBytes;
  });
  if (!done) return fail(done.error());
  std::string page = "{\"kind\":\"" + std::string(table.kind) +
                     "List\",\"etag\":\"\",\"self_link\":\"\",\"offset\":" + std::to_string(query.offset) +
                     ",\"limit\":" + std::to_string(query.limit);
  if (query.count) {
    const auto count = database.integer(query.count_sql(table), query.values);
    if (!count) return fail(count.error());
    page += ",\"items_available\":" + std::to_string(*count);
  }
  page += ",\"items\":[" + items + "]}";
  return page;
}

Result<void> insert_record(Database& database, const Table& table, const Changes& record) {
  std::string names, marks;
  SqlValues values;
  for (const auto& [name, value] : record) {
    names += (names.empty() ? "" : ", ") + name;
    marks += marks.empty() ? "?" : ", ?";
    values.push_back(value);
  }
  return database.execute("INSERT INTO " + std::string(table.name) + " (" + names + ") VALUES (" + marks + ")", values);
}

Result<void> update_record(Database& database, const Table& table, const std::string& uuid, const Changes& changes) {
  if (changes.empty()) return {};
  std::string assignments;
  SqlValues values;
  for (const auto& [name, value] : changes) {
    assignments += (assignments.empty() ? "" : ", ") + name + " = ?";
    values.push_back(value);
  }
  values.emplace_back(uuid);
  return database.execute("UPDATE " + std::string(table.name) + " SET " + assignments + " WHERE uuid = ?", values);
}

}  // namespace berth
