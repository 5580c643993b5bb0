#include "request.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(ListParameters, AreThoseOfTheFacts) {
  ContainerQuery query;
  query.filters.push_back({"state", "=", "Queued", {}});
  query.filters.push_back({"priority", ">", "0", {}});
  query.order = "priority desc";
  query.limit = 1000;
  query.offset = 2000;
  const ApiParameters expected{
      {"count", "none"},
      {"filters", R"([["state","=","Queued"],["priority",">","0"]])"},
      {"limit", "1000"},
      {"offset", "2000"},
      {"order", "priority desc"},
      {"select", R"(["uuid","state","priority","runtime_constraints","container_image","scheduling_parameters",)"
                 R"("created_at"])"}};
  EXPECT_EQ(list_parameters(query), expected);
}

TEST(ListParameters, ZeroesAreNotSentAndInTakesAList) {
  ContainerQuery query;
  query.filters.push_back({"uuid", "in", "", {"a", "b\"\xff"}});
  query.with_mounts = true;
  const auto parameters = list_parameters(query);
  ASSERT_EQ(parameters.size(), 3);
  EXPECT_EQ(parameters[1].second, "[[\"uuid\",\"in\",[\"a\",\"b\\\"\xef\xbf\xbd\"]]]");
  EXPECT_NE(parameters[2].second.find(R"("mounts"])"), std::string::npos);
}

TEST(ListParameters, OfWhatIsComplete) {
  FinishedQuery query;
  query.since = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 2 / 3));
  query.until = query.since + std::chrono::hours(24);
  query.limit = 100;
  const ApiParameters expected{
      {"count", "none"},
      {"filters", R"([["state","=","Complete"],["modified_at",">=","2026-02-03T00:00:00.000000000Z"],)"
                  R"(["modified_at","<=","2026-02-04T00:00:00.000000000Z"]])"},
      {"limit", "100"},
      {"order", "modified_at desc"},
      {"select", R"(["uuid","state","container_image","runtime_constraints","mounts","started_at","finished_at"])"}};
  EXPECT_EQ(list_parameters(query), expected);
  query.offset = 300;
  EXPECT_EQ(list_parameters(query)[3], (std::pair<std::string, std::string>("offset", "300")));
}

TEST(MakeRequest, JoinsWithOneSlash) {
  ApiCall call;
  call.path = "arvados/v1/x";
  for (const char* base : {"https://h:1", "https://h:1/", "https://h:1//"})
    EXPECT_EQ(make_request(base, call).url, "https://h:1/arvados/v1/x");
}

TEST(MakeRequest, GetUsesTheQueryBelowAThousandBytes) {
  ApiCall call;
  call.path = "p";
  for (const std::size_t length : {997U, 998U}) {
    call.parameters = {{"a", std::string(length, 'x')}};  // `a=` makes two more
    const HttpRequest request = make_request("http://h", call);
    const bool long_one = length + 2 >= 1000;
    EXPECT_EQ(request.method, long_one ? "POST" : "GET");
    EXPECT_EQ(find_header(request.headers, "X-Http-Method-Override"), long_one ? "GET" : "");
    EXPECT_EQ(request.body.size(), long_one ? length + 2 : 0);
    EXPECT_EQ(request.url, long_one ? "http://h/p" : "http://h/p?a=" + std::string(length, 'x'));
    EXPECT_EQ(find_header(request.headers, "Content-Type"), "application/x-www-form-urlencoded");
  }
}

TEST(MakeRequest, OtherMethodsSendAForm) {
  ApiCall call;
  call.method = "PUT";
  call.path = "p";
  call.parameters = {{"container", R"({"state":"Cancelled"})"}, {"b c", "&="}};
  const HttpRequest request = make_request("http://h", call);
  EXPECT_EQ(request.url, "http://h/p");
  EXPECT_EQ(request.body, "container=%7B%22state%22%3A%22Cancelled%22%7D&b+c=%26%3D");
}

TEST(RequestId, IsFreshAndWellFormed) {
  SimRuntime runtime;
  const std::string id = make_request_id(runtime);
  ASSERT_EQ(id.size(), 24);
  EXPECT_EQ(id.substr(0, 4), "req-");
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz", 4), std::string::npos);
  EXPECT_NE(id, make_request_id(runtime));
}

}  // namespace
}  // namespace berth
