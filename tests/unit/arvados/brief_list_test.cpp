#include "brief_list.hpp"

#include <gtest/gtest.h>

#include "answer.hpp"

namespace berth {
namespace {

constexpr const char* uuid = "zzzzz-dz642-queuedcontainer";

std::string list_of(const std::string& items) {
  return R"({"kind":"arvados#containerList","items":[)" + items + R"(],"limit":1000})";
}
/// A record with the fields in place of those of a plain one.
std::string record(const std::string& fields) {
  return std::string(R"({"uuid":")") + uuid + R"(","state":"Queued","priority":1)" + fields + '}';
}

TEST(BriefList, ReadsUuidStateAndPriority) {
  const auto list = read_brief_list(
      list_of(R"({"priority":1125899906842624001,"uuid":"zzzzz-dz642-000000000000001","state":"Locked"},)"
              R"({"uuid":"zzzzz-dz642-000000000000002","state":"Running","priority":null},)"
              R"({"uuid":"zzzzz-dz642-000000000000003","state":"Complete"})"));
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3);
  EXPECT_EQ(list->at(0).uuid, "zzzzz-dz642-000000000000001");
  EXPECT_EQ(list->at(0).state, ContainerState::locked);
  EXPECT_EQ(list->at(0).priority, 1125899906842624001);
  EXPECT_EQ(list->at(1).state, ContainerState::running);
  EXPECT_EQ(list->at(1).priority, 0);
  EXPECT_EQ(list->at(2).state, ContainerState::complete);
}

TEST(BriefList, PassesOverWhatItWasNotAskedFor) {
  for (const char* fields : {
           R"(,"etag":"x","cost":1.5,"output":null,"service":false)",
           R"(,"mounts":{"/tmp":{"kind":"tmp","uuid":7,"state":[{"priority":"high"}]}},"items":[1,[2,{"items":3}]])",
           R"(,"priority":1)",
       }) {
    const auto list = read_brief_list(list_of(record(fields)));
    ASSERT_TRUE(list) << fields;
    ASSERT_EQ(list->size(), 1) << fields;
    EXPECT_EQ(list->front().uuid, uuid);
    EXPECT_EQ(list->front().priority, 1);
  }
  EXPECT_TRUE(read_brief_list(R"({"a":{"items":[{}]},"items":[]})"));
  EXPECT_TRUE(read_brief_list(list_of(""))->empty());
}

TEST(BriefList, LeavesTheUnusualToTheOtherReader) {
  const std::string deep = ",\"x\":" + std::string(61, '[') + std::string(61, ']');
  for (const std::string& text : std::vector<std::string>{
           "",
           "[]",
           "null",
           "{}",
           R"({"items":null})",
           R"({"items":{}})",
           R"({"items":[)",
           R"({"items":[],"items":[]})",
           R"({"items":[]} x)",
           list_of("null"),
           list_of("[]"),
           list_of("{}"),
           list_of(R"({"uuid":"zzzzz-dz642-queuedcontainer"})"),
           list_of(R"({"state":"Queued"})"),
           list_of(record(R"(,"uuid":"zzzzz-xvhdp-queuedcontainer")")),
           list_of(record(R"(,"uuid":null)")),
           list_of(record(R"(,"state":"Waiting")")),
           list_of(record(R"(,"state":["Queued"])")),
           list_of(record(R"(,"priority":"1")")),
           list_of(record(R"(,"priority":1.5)")),
           list_of(record(R"(,"priority":true)")),
           list_of(record(R"(,"priority":{"a":1})")),
           list_of(record(R"(,"priority":9223372036854775808)")),
           list_of(record(",\"output\":\"\xff\"")),
           list_of(record(deep)),
       })
    EXPECT_FALSE(read_brief_list(text)) << text;
}

TEST(BriefList, AnUnreadableRecordSpoilsNoOther) {
  const std::string bad = R"({"uuid":"zzzzz-dz642-000000000000001","state":7})";
  const auto list = brief_containers_of(list_of(bad + "," + record("")));
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 2);
  EXPECT_NE(list->at(0).unreadable, "");
  EXPECT_EQ(list->at(1).unreadable, "");
  EXPECT_EQ(list->at(1).priority, 1);
}

}  // namespace
}  // namespace berth
