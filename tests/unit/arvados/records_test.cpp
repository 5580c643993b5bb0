#include "berth/arvados/records.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

using Json = nlohmann::json;

const std::string uuid = "zzzzz-dz642-queuedcontainer";

Json minimal() {
  return {{"uuid", uuid}, {"state", "Queued"}};
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const std::string text : {"", "<html>x</html>", R"({"a":)", "[1,]", "NaN", "{\"a\":\"\xff\"}", "1e999"}) {
    const auto result = parse_json(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::undecodable) << text;
  }
}

TEST(ParseJson, NamesTheByteAndShowsASafeBeginning) {
  const auto result = parse_json("<html>\n\x1b[31m  busy");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "not JSON at byte 1 of 18, the text begins: <html> ?[31m busy");
}

TEST(ParseJson, BoundsTheDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(64)));
  EXPECT_FALSE(parse_json(nested(65)));
  EXPECT_TRUE(parse_json("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\""));
}

TEST(ParseJson, BoundsTheNumberOfValues) {
  const auto numbers = [](std::size_t count) {
    std::string many = "[1";
    for (std::size_t i = 1; i < count; ++i) many += ",1";
    return many + "]";
  };
  EXPECT_TRUE(parse_json(numbers(10), 10));
  const auto result = parse_json(numbers(11), 10);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "JSON: more than 10 values");
  EXPECT_TRUE(parse_json(numbers(1'000'000)));
  EXPECT_FALSE(parse_json(numbers(1'000'001)));
}

TEST(ContainerRecord, ReadsEveryField) {
  const auto record = Json::parse(R"({
    "uuid": "zzzzz-dz642-queuedcontainer", "state": "Locked", "priority": 1125899906842624001,
    "locked_by_uuid": "zzzzz-gj3su-000000000000000", "created_at": "2026-01-02T03:04:05.123456789Z",
    "container_image": "d41d8cd98f00b204e9800998ecf8427e+342", "etag": "x", "kind": "arvados#container",
    "runtime_constraints": {"API": true, "vcpus": 2, "ram": 9007199254740993, "keep_cache_ram": 3, "keep_cache_disk": 4,
      "cuda": 17, "gpu": {"stack": "cuda", "driver_version": "12.0", "hardware_target": ["9.0", null],
      "device_count": 1, "vram": 5}},
    "scheduling_parameters": {"partitions": null, "preemptible": true, "max_run_time": 60, "supervisor": true},
    "mounts": {"/tmp": {"kind": "tmp", "capacity": 1000, "content": {"any": [1]}, "writable": true}, "stdin": null},
    "runtime_status": {}, "lock_count": 1})");
  const auto c = container_from_json(record);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->uuid, uuid);
  EXPECT_EQ(c->state, ContainerState::locked);
  EXPECT_EQ(c->priority, 1125899906842624001);
  EXPECT_EQ(c->locked_by_uuid, "zzzzz-gj3su-000000000000000");
  EXPECT_EQ(c->created_at.time_since_epoch().count() % 1'000'000'000, 123456789);
  EXPECT_EQ(c->container_image, "d41d8cd98f00b204e9800998ecf8427e+342");
  const RuntimeConstraints constraints{true, 2, 9007199254740993,
                                       3,    4, GpuConstraints{"cuda", "12.0", {"9.0", ""}, 1, 5}};
  EXPECT_EQ(c->runtime_constraints, constraints);
  EXPECT_EQ(c->scheduling_parameters, (SchedulingParameters{true, true, 60, {}}));
  EXPECT_EQ(c->mounts, (std::map<std::string, Mount>{{"/tmp", {"tmp", 1000}}, {"stdin", {}}}));
}

TEST(ContainerRecord, NullAndAbsentAreZero) {
  Json record = minimal();
  for (const char* name : {"priority", "locked_by_uuid", "created_at", "container_image", "runtime_constraints",
                           "scheduling_parameters", "mounts", "runtime_status", "lock_count"})
    record[name] = nullptr;
  for (const Json& sample : {record, minimal()}) {
    const auto c = container_from_json(sample);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c->priority, 0);
    EXPECT_EQ(c->created_at, WallTime{});
    EXPECT_EQ(c->runtime_constraints, RuntimeConstraints{});
    EXPECT_TRUE(c->mounts.empty());
  }
}

struct WrongType {
  const char* patch;  // merged into the minimal record
  const char* message;
};

TEST(ContainerRecord, WrongTypesNameFieldAndContainer) {
  const std::string who = "container " + uuid + ": ";
  const WrongType cases[] = {
      {R"({"priority":1.5})", "priority: want an integer of 64 bits, got the number 1.5"},
      {R"({"priority":1e3})", "priority: want an integer of 64 bits, got the number 1000.0"},
      {R"({"priority":9223372036854775808})",
       "priority: want an integer of 64 bits, got the number 9223372036854775808"},
      {R"({"priority":99999999999999999999})", "priority: want an integer of 64 bits, got the number 1e+20"},
      {R"({"priority":"5"})", "priority: want an integer of 64 bits, got string"},
      {R"({"priority":true})", "priority: want an integer of 64 bits, got boolean"},
      {R"({"state":"Sleeping"})", "state: want Queued, Locked, Running, Complete or Cancelled"},
      {R"({"state":7})", "state: want a string, got the number 7"},
      {R"({"created_at":"yesterday"})", "created_at: want a time in RFC 3339 form"},
      {R"({"created_at":5})", "created_at: want a string, got the number 5"},
      {R"({"runtime_constraints":[]})", "runtime_constraints: want an object, got array"},
      {R"({"runtime_constraints":{"ram":"1GB"}})", "runtime_constraints.ram: want an integer of 64 bits, got string"},
      {R"({"runtime_constraints":{"API":1}})", "runtime_constraints.API: want true or false, got the number 1"},
      {R"({"runtime_constraints":{"gpu":{"hardware_target":["a",2]}}})",
       "runtime_constraints.gpu.hardware_target[1]: want a string, got the number 2"},
      {R"({"scheduling_parameters":{"supervisor":"yes"}})",
       "scheduling_parameters.supervisor: want true or false, got string"},
      {R"({"mounts":{"stdin":["bork"]}})", "mounts.stdin: want an object, got array"},
      {R"({"mounts":{"/tmp":{"kind":"tmp","capacity":1.0}}})",
       "mounts./tmp.capacity: want an integer of 64 bits, got the number 1.0"},
      {R"({"mounts":{"a\nb":7}})", "mounts.a b: want an object, got the number 7"},
      {R"({"runtime_status":"x"})", "runtime_status: want an object, got string"},
  };
  for (const WrongType& c : cases) {
    Json record = minimal();
    record.update(Json::parse(c.patch));
    const auto result = container_from_json(record);
    ASSERT_FALSE(result) << c.patch;
    EXPECT_EQ(result.error().kind, ErrorKind::type_mismatch);
    EXPECT_EQ(result.error().message, who + c.message) << c.patch;
  }
}

TEST(ContainerRecord, NeedsAnIdentity) {
  for (const char* text : {"null", "[]", "5", R"({"state":"Queued"})", R"({"uuid":null,"state":"Queued"})",
                           R"({"uuid":"../../x","state":"Queued"})", R"({"uuid":"zzzzz-dz642-queuedcontainer"})",
                           R"({"uuid":"zzzzz-gj3su-queuedcontainer","state":"Queued"})"}) {
    const auto result = container_from_json(Json::parse(text));
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::type_mismatch) << text;
  }
}

TEST(ContainerList, ReadsItems) {
  EXPECT_EQ(container_list_from_json({{"items", {minimal(), minimal()}}})->size(), 2);
  EXPECT_TRUE(container_list_from_json({{"items", Json::array()}})->empty());
}

TEST(ContainerList, AMalformedRecordSpoilsNoOther) {
  Json bad = minimal();
  bad["priority"] = "x";
  const auto result = container_list_from_json({{"items", {minimal(), bad, minimal()}}});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 3);
  EXPECT_EQ(result->at(0).unreadable + result->at(2).unreadable, "");
  EXPECT_EQ(result->at(1).uuid, uuid);
  EXPECT_EQ(result->at(1).unreadable, "container " + uuid + ": priority: want an integer of 64 bits, got string");
}

TEST(ContainerList, ARecordWithoutUuidFailsItAll) {
  for (const char* bad : {R"({"uuid":"x"})", R"({"uuid":7})", R"({"state":"Queued"})", "7", "null"}) {
    const auto result = container_list_from_json({{"items", {minimal(), Json::parse(bad)}}});
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().kind, ErrorKind::type_mismatch);
    EXPECT_EQ(result.error().message.find("items[1]: "), 0) << result.error().message;
  }
}

// An empty page means "deleted" or "that was all": nothing else may pass for one.
TEST(ContainerList, WithoutItemsIsNoEmptyList) {
  for (const char* text : {"{}", "null", "[]", R"({"items":null})", R"({"items":{}})"}) {
    const auto result = container_list_from_json(Json::parse(text));
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::type_mismatch) << text;
  }
}

TEST(Mounts, TenMegabytesAreFine) {
  Json mounts;
  mounts["/tmp"] = {{"kind", "tmp"}, {"capacity", 5}};
  mounts["/big"] = {{"kind", "text"}, {"content", std::string(10'000'000, 'x')}};
  const auto result = mounts_from_json(mounts);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at("/tmp").capacity, 5);
}

}  // namespace
}  // namespace berth
