#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api_fixture.hpp"

namespace berth {
namespace {

class Lists : public ApiTest {
 protected:
  std::vector<std::string> uuids(const Reply& page) {
    std::vector<std::string> found;
    EXPECT_EQ(page.status, 200) << page.text;
    for (const Json& item : page.body["items"]) found.push_back(item["uuid"]);
    return found;
  }
};

TEST_F(Lists, TheDispatchersQueries) {
  const std::string low = submit({{"priority", 1}})["container_uuid"];
  const std::string high = submit({{"priority", 9}})["container_uuid"];
  submit({{"priority", 0}});
  const std::string mine = submit({{"priority", 5}})["container_uuid"];
  ASSERT_EQ(lock(mine).status, 200);
  const std::string select = "&select=" + form_encode(R"(["uuid","state","priority","runtime_constraints"])");
  const Reply available = list("containers", R"([["state","=","Queued"],["priority",">","0"]])",
                               "&order=priority+desc&limit=1000&count=none" + select);
  EXPECT_EQ(uuids(available), (std::vector{high, low}));
  EXPECT_FALSE(available.body.contains("items_available"));
  EXPECT_EQ(available.body["kind"], "arvados#containerList");
  EXPECT_EQ(available.body["items"][0]["kind"], "arvados#container");
  EXPECT_FALSE(available.body["items"][0].contains("command"));
  EXPECT_EQ(uuids(list("containers", R"([["locked_by_uuid","=","zzzzz-gj3su-000000000000000"]])", "&order=uuid")),
            std::vector{mine});
}

TEST_F(Lists, PagesByUuidAndByOffset) {
  std::set<std::string> all;
  for (int i = 0; i < 25; ++i) all.insert(submit()["container_uuid"].get<std::string>());
  std::vector<std::string> by_uuid;
  for (std::string last;;) {
    const auto page =
        uuids(list("containers", R"([["uuid",">",")" + last + R"("]])", "&order=uuid&limit=10&count=none"));
    if (page.empty()) break;
    by_uuid.insert(by_uuid.end(), page.begin(), page.end());
    last = page.back();
  }
  EXPECT_EQ(by_uuid, std::vector(all.begin(), all.end()));
  std::vector<std::string> by_offset;
  for (;;) {
    const auto page = uuids(list("containers", R"([["state","=","Queued"]])",
                                 "&order=priority+desc&limit=10&offset=" + std::to_string(by_offset.size())));
    if (page.empty()) break;
    by_offset.insert(by_offset.end(), page.begin(), page.end());
  }
  EXPECT_EQ(std::set(by_offset.begin(), by_offset.end()), all) << "same priorities, yet none twice, none missing";
  EXPECT_EQ(by_offset.size(), all.size());
  EXPECT_EQ(list("containers", "[]", "&limit=0").body["items_available"], 25);
}

TEST_F(Lists, NullAndTimes) {
  const std::string uuid = submit()["container_uuid"];
  EXPECT_EQ(uuids(list("containers", R"([["locked_by_uuid","=",null]])")).size(), 1u);
  EXPECT_EQ(uuids(list("containers", R"([["locked_by_uuid","!=",null]])")).size(), 0u);
  EXPECT_EQ(uuids(list("containers", R"([["locked_by_uuid","!=","x"]])")).size(), 1u);
  EXPECT_EQ(uuids(list("containers", R"([["created_at","<","2100-01-01T00:00:00Z"]])")).size(), 1u);
  EXPECT_EQ(uuids(list("containers", R"([["created_at",">","2100-01-01T02:00:00+02:00"]])")).size(), 0u);
}

TEST_F(Lists, NamesMatchPatterns) {
  submit({{"name", "Alpha"}});
  submit({{"name", "beta"}});
  const auto count = [&](const std::string& filters) { return uuids(list("container_requests", filters)).size(); };
  EXPECT_EQ(count(R"([["name","like","A%"]])"), 1u);
  EXPECT_EQ(count(R"([["name","like","a%"]])"), 0u);
  EXPECT_EQ(count(R"([["name","ilike","a%"]])"), 1u);
  EXPECT_EQ(count(R"([["name","not in",["Alpha","x"]]])"), 1u);
}

TEST_F(Lists, BadParametersAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"filters={}", "filters"},
      {"filters=x", "filters"},
      {"filters=[[\"uuid\",\"=\"]]", "filters"},
      {"filters=[[\"nonsense\",\"=\",1]]", "nonsense"},
      {"filters=[[\"uuid\",\"~\",\"x\"]]", "operator"},
      {"filters=[[\"uuid\",\"=\",1]]", "uuid"},
      {"filters=[[\"uuid\",\"in\",\"x\"]]", "uuid"},
      {"filters=[[\"priority\",\">\",\"many\"]]", "priority"},
      {"filters=[[\"priority\",\">\",1e300]]", "priority"},
      {"filters=[[\"created_at\",\">\",\"yesterday\"]]", "created_at"},
      {"filters=[[\"command\",\"=\",\"x\"]]", "command"},
      {"filters=[[\"uuid\",\">\",null]]", "uuid"},
      {"filters=[[\"1=1;--\",\"=\",\"x\"]]", "1=1"},
      {"order=nonsense", "nonsense"},
      {"order=uuid+sideways", "order"},
      {"order=uuid;drop+table+containers", "order"},
      {"limit=x", "limit"},
      {"limit=-1", "limit"},
      {"offset=-1", "offset"},
      {"count=some", "count"},
      {"select=[1]", "select"},
      {"select=[\"uuid,state\"]", "select"},
  };
  for (const auto& [query, word] : cases) {
    const Reply reply = get(std::string("/arvados/v1/containers?") + query);
    EXPECT_EQ(reply.status, 422) << query;
    EXPECT_NE(reply.error().find(word), std::string::npos) << query << " -> " << reply.error();
  }
}

TEST_F(Lists, WhatIsOnHoldCanBeFound) {
  submit();
  const std::string held = submit({{"priority", 0}})["container_uuid"];
  const Reply reply = list("containers", R"([["state","=","Queued"],["priority","=",0]])");
  EXPECT_EQ(reply.body["items_available"], 1) << reply.text;
  EXPECT_EQ(reply.body["items"][0]["uuid"], held);
  EXPECT_EQ(reply.body["items"][0]["priority"], 0);
  EXPECT_EQ(list("containers", R"([["state","=","Queued"],["priority","<","1"]])").body["items"][0]["uuid"], held);
  EXPECT_EQ(list("containers", R"([["state","=","Queued"]])").body["items_available"], 2);
}

}  // namespace
}  // namespace berth
