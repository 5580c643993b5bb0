#include "list_reader.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "berth/arvados/records.hpp"

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

TEST(ListReader, ReadsUuidStateAndPriority) {
  const auto list = read_container_list(
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

TEST(ListReader, PassesOverWhatItWasNotAskedFor) {
  for (const char* fields : {
           R"(,"etag":"x","cost":1.5,"output":null,"service":false)",
           R"(,"output":{"/tmp":{"kind":"tmp","uuid":7,"state":[{"priority":"high"}]}},"items":[1,[2,{"items":3}]])",
           R"(,"runtime_status":{"uuid":7,"error":["x"]},"lock_count":7)",
       }) {
    const auto list = read_container_list(list_of(record(fields)));
    ASSERT_TRUE(list) << fields;
    ASSERT_EQ(list->size(), 1) << fields;
    EXPECT_EQ(list->front().uuid, uuid);
    EXPECT_EQ(list->front().priority, 1);
  }
  EXPECT_TRUE(read_container_list(R"({"a":{"items":[{}]},"items":[]})"));
  EXPECT_TRUE(read_container_list(list_of(""))->empty());
}

TEST(ListReader, ReadsWhatTheOtherReaderReads) {
  for (
      const char* fields : {
          R"(,"locked_by_uuid":"zzzzz-gj3su-000000000000000","created_at":"2026-01-02T03:04:05.123456789Z")",
          R"(,"created_at":"","locked_by_uuid":null,"container_image":"d41d8cd98f00b204e9800998ecf8427e+342")",
          R"(,"runtime_constraints":{"API":true,"vcpus":2,"ram":9007199254740993,"keep_cache_ram":3,"cuda":{"a":[1]},)"
          R"("keep_cache_disk":-4,"gpu":{"stack":"cuda","driver_version":"12.0","hardware_target":["9.0","8"],)"
          R"("device_count":1,"vram":5}})",
          R"(,"runtime_constraints":null,"scheduling_parameters":null,"mounts":null,"runtime_status":null)",
          R"(,"runtime_constraints":{"gpu":null,"API":null},"scheduling_parameters":{"partitions":null})",
          R"(,"scheduling_parameters":{"partitions":["a","b"],"preemptible":true,"max_run_time":60,"supervisor":true})",
          R"(,"mounts":{"/tmp":{"kind":"tmp","capacity":1000,"writable":true},"/":{"content":{"kind":7}},)"
          R"("/in":{"kind":"collection","portable_data_hash":"x","uuid":null,"exclude_from_output":false}})",
      }) {
    const std::string text = list_of(record(fields) + "," + record(""));
    const auto read = read_container_list(text);
    const auto by_tree = container_list_from_json(nlohmann::json::parse(text));
    ASSERT_TRUE(read) << fields;
    ASSERT_TRUE(by_tree) << fields;
    ASSERT_EQ(read->size(), by_tree->size());
    for (std::size_t i = 0; i < read->size(); ++i) {
      const Container& a = read->at(i);
      const Container& b = by_tree->at(i);
      EXPECT_EQ(b.unreadable, "") << fields;
      EXPECT_EQ(a.state, b.state) << fields;
      EXPECT_EQ(a.priority, b.priority) << fields;
      EXPECT_EQ(a.locked_by_uuid, b.locked_by_uuid) << fields;
      EXPECT_EQ(a.created_at, b.created_at) << fields;
      EXPECT_EQ(a.mounts, b.mounts) << fields;
      EXPECT_TRUE(static_cast<const ContainerSpec&>(a) == static_cast<const ContainerSpec&>(b)) << fields;
    }
  }
}

TEST(ListReader, LeavesTheUnusualToTheOtherReader) {
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
           list_of(record(R"(,"priority":1)")),
           list_of(record(R"(,"lock_count":"1")")),
           list_of(record(R"(,"runtime_status":[])")),
           list_of(record(R"(,"created_at":"yesterday")")),
           list_of(record(R"(,"runtime_constraints":{"ram":1.5})")),
           list_of(record(R"(,"runtime_constraints":{"gpu":{"stack":7}})")),
           list_of(record(R"(,"runtime_constraints":{"gpu":{"hardware_target":["9.0",null]}})")),
           list_of(record(R"(,"scheduling_parameters":{"partitions":"a"})")),
           list_of(record(R"(,"mounts":[])")),
           list_of(record(R"(,"mounts":{"/a":null})")),
           list_of(record(R"(,"mounts":{"/a":{"writable":1}})")),
           list_of(record(R"(,"mounts":{"/a":{"kind":"tmp"},"/a":{"kind":"collection"}})")),
       })
    EXPECT_FALSE(read_container_list(text)) << text;
}

TEST(ListReader, AnUnreadableRecordSpoilsNoOther) {
  const std::string bad = R"({"uuid":"zzzzz-dz642-000000000000001","state":7})";
  const auto list = containers_of(list_of(bad + "," + record("")));
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 2);
  EXPECT_NE(list->at(0).unreadable, "");
  EXPECT_EQ(list->at(1).unreadable, "");
  EXPECT_EQ(list->at(1).priority, 1);
}

}  // namespace
}  // namespace berth
