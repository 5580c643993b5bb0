#include "record.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lock_files.hpp"

namespace berth::runner {
namespace {

using nlohmann::json;

TEST(Record, IsRead) {
  const auto record =
      parse_record(json::parse(R"({"state":"Locked","locked_by_uuid":"l","container_image":null,"command":["a","b"],
    "cwd":"/x","environment":{"A":"1"},"mounts":{"/tmp":{"kind":"tmp","capacity":5}},"runtime_constraints":{"ram":5000000000},
    "scheduling_parameters":{"max_run_time":60},"priority":1125899906842624000,"unknown":[1]})"));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->state, "Locked");
  EXPECT_EQ(record->command, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(record->environment.at("A"), "1");
  EXPECT_EQ(record->mount_kinds.at("/tmp"), "tmp");
  EXPECT_EQ(record->ram, 5000000000);
  EXPECT_EQ(record->max_run_time, 60);
  EXPECT_EQ(find_obstacle(*record), "");
}

TEST(Record, NullAndAbsentAreZero) {
  for (const char* text :
       {"{}", R"({"state":null,"command":null,"environment":null,"mounts":null,"runtime_constraints":null,
                             "scheduling_parameters":{"max_run_time":null}})"})
    EXPECT_TRUE(parse_record(json::parse(text))) << text;
}

TEST(Record, WrongTypesNameTheField) {
  const struct {
    const char* text;
    const char* field;
  } cases[] = {{"[]", "record"},
               {R"({"state":1})", "state"},
               {R"({"command":"x"})", "command"},
               {R"({"command":[["x"]]})", "command"},
               {R"({"environment":["x"]})", "environment"},
               {R"({"environment":{"A":null}})", "environment.A"},
               {R"({"mounts":{"/a":1}})", "mounts./a"},
               {R"({"mounts":{"/a":{"kind":1}}})", "mounts./a.kind"},
               {R"({"runtime_constraints":[]})", "runtime_constraints"},
               {R"({"runtime_constraints":{"ram":"1"}})", "runtime_constraints.ram"},
               {R"({"runtime_constraints":{"ram":18446744073709551615}})", "runtime_constraints.ram"},
               {R"({"scheduling_parameters":{"max_run_time":1.5}})", "scheduling_parameters.max_run_time"}};
  for (const auto& c : cases) {
    const auto record = parse_record(json::parse(c.text));
    ASSERT_FALSE(record) << c.text;
    EXPECT_EQ(record.error().kind, ErrorKind::type_mismatch);
    EXPECT_NE(record.error().message.find(c.field), std::string::npos) << record.error().message;
  }
}

TEST(Config, IsRead) {
  const auto config =
      parse_config(R"({"Env":{"ARVADOS_API_HOST":"1.2.3.4:5","InstanceType":"{\"Price\": 0.5}\n"},"Cluster":{"x":1}})");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->api_url(), "http://1.2.3.4:5");
  EXPECT_EQ(config->price, 0.5);
  EXPECT_EQ(parse_config(R"({"Env":{"BERTH_API_URL":"http://[::1]:1","ARVADOS_API_HOST":"x"}})")->api_url(),
            "http://[::1]:1");
  for (const char* type : {"", "{", "{}", R"({\"Price\":\"x\"})", "[]"})
    EXPECT_EQ(parse_config(std::string(R"({"Env":{"InstanceType":")") + type + "\"}}")->price, 0) << type;
}

TEST(Config, ErrorsHoldNoSecret) {
  for (const char* text :
       {"", "[]", R"({"Env":["secret"]})", R"({"Env":{"ARVADOS_API_TOKEN":["secret"]}})", R"({"Env":{"T":"secret")"}) {
    const auto config = parse_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().message.find("secret"), std::string::npos) << config.error().message;
  }
}

TEST(LockFile, RoundTrip) {
  const LockContent content{"zzzzz-dz642-000000000000001", 4321};
  EXPECT_EQ(lock_line(content), "{\"UUID\":\"zzzzz-dz642-000000000000001\",\"PID\":4321}\n");
  const auto parsed = parse_lock(lock_line(content));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->uuid, content.uuid);
  EXPECT_EQ(parsed->pid, content.pid);
}

TEST(LockFile, NeverNamesAProcessGroupOrEverybody) {
  for (const char* pid : {"0", "1", "-1", "-4321", "4294967297", "1e3", "\"5\"", "null", "[]"})
    EXPECT_FALSE(parse_lock(std::string(R"({"UUID":"zzzzz-dz642-000000000000001","PID":)") + pid + "}")) << pid;
  for (const char* text : {"", "{", "[]", "null", R"({"PID":5})", R"({"UUID":"x","PID":5})", R"({"UUID":5,"PID":5})"})
    EXPECT_FALSE(parse_lock(text)) << text;
}

}  // namespace
}  // namespace berth::runner
