#include "filters.hpp"

#include <gtest/gtest.h>
#include <string>

namespace berth {
namespace {

using Json = nlohmann::json;

Result<ListQuery> query_of(const Json& params) {
  Params decoded;
  for (const auto& [name, value] : params.items()) decoded.values[name] = value;
  return make_list_query(kContainers, decoded);
}

TEST(Filters, BecomeSql) {
  const struct {
    const char* filters;
    const char* where;
    std::size_t values;
  } cases[] = {
      {R"([])", "", 0},
      {R"([["uuid",">","x"]])", " WHERE uuid > ?", 1},
      {R"([["state","=","Queued"],["priority",">","0"]])", " WHERE state = ? AND priority > ?", 2},
      {R"([["containers.state","!=","Queued"]])", " WHERE state IS NOT ?", 1},
      {R"([["uuid","in",["a","b"]]])", " WHERE uuid IN (?,?)", 2},
      {R"([["uuid","in",[]]])", " WHERE uuid IN ()", 0},
      {R"([["locked_by_uuid","in",["a",null]]])", " WHERE (locked_by_uuid IN (?) OR locked_by_uuid IS NULL)", 1},
      {R"([["locked_by_uuid","NOT IN",["a"]]])", " WHERE (locked_by_uuid NOT IN (?) OR locked_by_uuid IS NULL)", 1},
      {R"([["locked_by_uuid","not in",["a",null]]])",
       " WHERE (locked_by_uuid NOT IN (?) AND locked_by_uuid IS NOT NULL)", 1},
      {R"([["cwd","ilike","%X"]])", " WHERE lower(cwd) LIKE lower(?)", 1},
      {R"([["uuid","=","' OR 1=1 --"]])", " WHERE uuid = ?", 1},
  };
  for (const auto& c : cases) {
    const auto query = query_of({{"filters", Json::parse(c.filters)}});
    ASSERT_TRUE(query) << c.filters << query.error().message;
    EXPECT_EQ(query->where, c.where);
    EXPECT_EQ(query->values.size(), c.values) << c.filters;
  }
}

TEST(Filters, OrderIsTotal) {
  const std::pair<Json, const char*> cases[] = {
      {nullptr, " ORDER BY modified_at DESC, uuid"},
      {"uuid", " ORDER BY uuid"},
      {"priority desc", " ORDER BY priority DESC, uuid"},
      {"priority DESC , created_at asc", " ORDER BY priority DESC, created_at, uuid"},
      {Json::array({"state", "uuid desc"}), " ORDER BY state, uuid DESC"},
  };
  for (const auto& [order, sql] : cases) {
    const auto query = query_of(order.is_null() ? Json::object() : Json{{"order", order}});
    ASSERT_TRUE(query) << order;
    EXPECT_EQ(query->order, sql);
  }
}

TEST(Filters, PagesAreBounded) {
  EXPECT_EQ(query_of(Json::object())->limit, kDefaultPage);
  EXPECT_EQ(query_of({{"limit", "5000"}})->limit, kLargestPage);
  EXPECT_EQ(query_of({{"limit", 7}})->limit, 7);
  EXPECT_FALSE(query_of({{"filters", Json(std::vector<Json>(101, Json::array({"uuid", "=", "x"})))}}));
  EXPECT_FALSE(
      query_of({{"filters", Json::array({Json::array({"uuid", "in", std::vector<std::string>(10'001, "x")})})}}));
  EXPECT_FALSE(query_of({{"filters", Json::array({Json::array({"cwd", "like", std::string(1001, '%')})})}}));
}

}  // namespace
}  // namespace berth
