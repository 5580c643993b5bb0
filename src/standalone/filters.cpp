#include "filters.hpp"

#include <algorithm>
#include <limits>

#include "berth/base/units.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxFilters = 100;
constexpr std::size_t kMaxValues = 10'000;
constexpr std::size_t kMaxOrders = 10;
constexpr std::size_t kMaxPattern = 1000;

tl::unexpected<Error> bad(const std::string& message) {
  return fail(ErrorKind::invalid, message);
}

/// The field, with or without the name of its table before it.
Result<const Field*> find_field(const Table& table, std::string_view name, std::string_view parameter) {
  const std::string prefix = std::string(table.name) + '.';
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (const Field* field = table.find(name)) return field;
  return bad(std::string(parameter) + ": " + std::string(table.name) + " have no field '" +
             std::string(name.substr(0, 100)) + "'");
}

/// The operand as the column stores it.
Result<SqlValue> to_value(const Field& field, const Json& operand) {
  const std::string what = "filters: " + std::string(field.name);
  switch (field.kind) {
    case FieldKind::integer: {
      const auto number = to_integer(operand, what);
      if (!number) return fail(number.error());
      return SqlValue(*number);
    }
    case FieldKind::real:
      if (!operand.is_number()) return bad(what + ": want a number");
      return SqlValue(operand.get<double>());
    case FieldKind::boolean:
      if (!operand.is_boolean()) return bad(what + ": want true or false");
      return SqlValue(std::int64_t{operand.get<bool>()});
    case FieldKind::time: {
      if (!operand.is_string()) return bad(what + ": want a time");
      const auto time = parse_time(operand.get_ref<const std::string&>());
      if (!time) return bad(what + ": want a time like 2030-01-02T03:04:05Z");
      return SqlValue(format_time(*time));
    }
    case FieldKind::text:
      if (!operand.is_string()) return bad(what + ": want a string");
      return SqlValue(operand.get<std::string>());
    case FieldKind::json:
      break;
  }
  return bad(what + ": this field cannot be filtered");
}

/// One `[field, operator, operand]` after another.
class WhereBuilder {
 public:
  WhereBuilder(const Table& table, ListQuery& query) : table_(table), query_(query) {}

  Result<void> add(const Json& filter) {
    if (!filter.is_array() || filter.size() != 3 || !filter[0].is_string() || !filter[1].is_string())
      return bad("filters: want [field, operator, operand]");
    const auto field = find_field(table_, filter[0].get_ref<const std::string&>(), "filters");
    if (!field) return fail(field.error());
    std::string op = filter[1].get<std::string>();
    std::transform(op.begin(), op.end(), op.begin(), [](unsigned char c) { return static_cast<char>(tolower(c)); });
    if (op == "in" || op == "not in") return add_set(**field, op, filter[2]);
    if (op == "like" || op == "ilike" || op == "not like" || op == "not ilike") return add_like(**field, op, filter[2]);
    return add_comparison(**field, op, filter[2]);
  }

 private:
  void add_condition(const std::string& condition) {
    query_.where += (query_.where.empty() ? " WHERE " : " AND ") + condition;
  }

  Result<void> add_comparison(const Field& field, const std::string& op, const Json& operand) {
    constexpr std::string_view ordered[] = {"<", "<=", ">", ">="};
    const bool equality = op == "=" || op == "!=";
    if (!equality && std::find(std::begin(ordered), std::end(ordered), op) == std::end(ordered))
      return bad("filters: unknown operator '" + op.substr(0, 100) + "'");
    const std::string column(field.name);
    if (operand.is_null()) {
      if (!equality) return bad("filters: " + column + ": null can only be compared with = and !=");
      add_condition(column + (op == "=" ? " IS NULL" : " IS NOT NULL"));
      return {};
    }
    auto value = to_value(field, operand);
    if (!value) return fail(value.error());
    // Unset is different from every value.
    add_condition(column + ' ' + (op == "!=" ? "IS NOT" : op) + " ?");
    query_.values.push_back(std::move(*value));
    return {};
  }

  Result<void> add_set(const Field& field, const std::string& op, const Json& operand) {
    const std::string column(field.name);
    if (!operand.is_array()) return bad("filters: " + column + ": " + op + " wants an array");
    if (query_.values.size() + operand.size() > kMaxValues) return bad("filters: too many values");
    std::string marks;
    bool with_null = false;
    for (const Json& item : operand) {
      if (item.is_null()) {
        with_null = true;
        continue;
      }
      auto value = to_value(field, item);
      if (!value) return fail(value.error());
      marks += marks.empty() ? "?" : ",?";
      query_.values.push_back(std::move(*value));
    }
    const bool negated = op == "not in";
    std::string condition = column + (negated ? " NOT IN (" : " IN (") + marks + ')';
    if (with_null) condition += negated ? " AND " + column + " IS NOT NULL" : " OR " + column + " IS NULL";
    if (negated && !with_null) condition += " OR " + column + " IS NULL";
    const bool plain = with_null == negated && !negated;
    add_condition(plain ? condition : '(' + condition + ')');
    return {};
  }

  Result<void> add_like(const Field& field, const std::string& op, const Json& operand) {
    const std::string column(field.name);
    if (field.kind != FieldKind::text && field.kind != FieldKind::json)
      return bad("filters: " + column + ": " + op + " wants a text field");
    if (!operand.is_string()) return bad("filters: " + column + ": " + op + " wants a string");
    if (operand.get_ref<const std::string&>().size() > kMaxPattern)
      return bad("filters: " + column + ": pattern too long");
    const std::string negation = op.starts_with("not ") ? " NOT" : "";
    if (op.ends_with("ilike"))
      add_condition("lower(" + column + ')' + negation + " LIKE lower(?)");
    else
      add_condition(column + negation + " LIKE ?");
    query_.values.emplace_back(operand.get<std::string>());
    return {};
  }

  const Table& table_;
  ListQuery& query_;
};

Result<void> add_filters(const Table& table, const Params& params, ListQuery& query) {
  const Json* filters = params.find("filters");
  if (!filters) return {};
  if (!filters->is_array()) return bad("filters: want an array");
  if (filters->size() > kMaxFilters) return bad("filters: too many filters");
  WhereBuilder builder(table, query);
  for (const Json& filter : *filters)
    if (auto added = builder.add(filter); !added) return added;
  return {};
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// `field`, `field asc` or `field desc`.
Result<std::string> order_term(const Table& table, std::string_view text, bool& has_uuid) {
  text = trim(text);
  const auto space = text.find(' ');
  const auto field = find_field(table, text.substr(0, space), "order");
  if (!field) return fail(field.error());
  std::string direction(space == text.npos ? "asc" : trim(text.substr(space)));
  std::transform(direction.begin(), direction.end(), direction.begin(),
                 [](unsigned char c) { return static_cast<char>(tolower(c)); });
  if (direction != "asc" && direction != "desc")
    return bad("order: want '" + std::string((*field)->name) + " asc' or desc");
  has_uuid = has_uuid || (*field)->name == "uuid";
  return std::string((*field)->name) + (direction == "desc" ? " DESC" : "");
}

Result<void> add_order(const Table& table, const Params& params, ListQuery& query) {
  auto terms = list_param(params, "order");
  if (!terms) return fail(terms.error());
  if (terms->size() > kMaxOrders) return bad("order: too many fields");
  if (terms->empty()) terms->emplace_back("modified_at desc");
  bool has_uuid = false;
  for (const std::string& text : *terms) {
    const auto term = order_term(table, text, has_uuid);
    if (!term) return fail(term.error());
    query.order += (query.order.empty() ? " ORDER BY " : ", ") + *term;
  }
  // A total order, so that pages neither repeat nor miss records.
  if (!has_uuid) query.order += ", uuid";
  return {};
}

Result<void> add_paging(const Params& params, ListQuery& query) {
  const auto limit = integer_param(params, "limit", kDefaultPage, 0, kLargestPage);
  if (!limit) return fail(limit.error());
  const auto offset = integer_param(params, "offset", 0, 0, std::numeric_limits<std::int64_t>::max());
  if (!offset) return fail(offset.error());
  query.limit = *limit;
  query.offset = *offset;
  const Json* count = params.find("count");
  if (!count || *count == "exact") return {};
  if (*count != "none") return bad("count: want exact or none");
  query.count = false;
  return {};
}

}  // namespace

Result<std::vector<const Field*>> selected_columns(const Table& table, const Params& params) {
  const auto names = list_param(params, "select");
  if (!names) return fail(names.error());
  std::vector<const Field*> columns;
  for (const std::string& name : *names) {
    if (name == "kind" || name == "etag") continue;  // always there
    const auto field = find_field(table, trim(name), "select");
    if (!field) return fail(field.error());
    if (std::find(columns.begin(), columns.end(), *field) == columns.end()) columns.push_back(*field);
  }
  if (names->empty())
    for (const Field& field : table.fields) columns.push_back(&field);
  if (columns.empty()) columns.push_back(table.find("uuid"));
  return columns;
}

std::string column_list(const std::vector<const Field*>& columns) {
  std::string list;
  for (const Field* column : columns) list += (list.empty() ? "" : ", ") + std::string(column->name);
  return list;
}

std::string ListQuery::select_sql(const Table& table) const {
  return "SELECT " + column_list(columns) + " FROM " + std::string(table.name) + where + order + " LIMIT ? OFFSET ?";
}

std::string ListQuery::count_sql(const Table& table) const {
  return "SELECT count(*) FROM " + std::string(table.name) + where;
}

Result<ListQuery> make_list_query(const Table& table, const Params& params) {
  ListQuery query;
  auto columns = selected_columns(table, params);
  if (!columns) return fail(columns.error());
  query.columns = std::move(*columns);
  if (auto added = add_filters(table, params, query); !added) return fail(added.error());
  if (auto added = add_order(table, params, query); !added) return fail(added.error());
  if (auto added = add_paging(params, query); !added) return fail(added.error());
  return query;
}

}  // namespace berth
