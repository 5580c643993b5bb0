#include "submission.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Json = nlohmann::json;

SubmitOptions plain() {
  SubmitOptions options;
  options.command = {"echo", "a b"};
  return options;
}

TEST(Submission, Defaults) {
  const auto made = request_attributes(plain());
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, Json::parse(R"({"state": "Committed", "name": "echo", "command": ["echo", "a b"], "environment": {},
      "priority": 500, "container_count_max": 1, "runtime_constraints": {"vcpus": 1, "ram": 134217728},
      "scheduling_parameters": {"max_run_time": 0}})"));
}

TEST(Submission, Everything) {
  SubmitOptions options = plain();
  options.name = "n";
  options.vcpus = 3;
  options.ram = "1GiB";
  options.scratch = "2GB";
  options.priority = 0;
  options.max_run_time = 60;
  options.environment = {"A=1", "B=", "C=x=y", "A=2"};
  options.cwd = "/tmp";
  const auto made = request_attributes(options);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)["name"], "n");
  EXPECT_EQ((*made)["priority"], 0);
  EXPECT_EQ((*made)["runtime_constraints"], Json({{"vcpus", 3}, {"ram", 1 << 30}}));
  EXPECT_EQ((*made)["mounts"], Json({{"/tmp", {{"kind", "tmp"}, {"capacity", 2'000'000'000}}}}));
  EXPECT_EQ((*made)["environment"], Json({{"A", "2"}, {"B", ""}, {"C", "x=y"}}));
  EXPECT_EQ((*made)["cwd"], "/tmp");
  EXPECT_EQ((*made)["scheduling_parameters"]["max_run_time"], 60);
}

TEST(Submission, OptionsThatAreWrong) {
  struct Case {
    void (*spoil)(SubmitOptions&);
    const char* option;
  };
  const Case cases[] = {
      {[](SubmitOptions& o) { o.ram = "much"; }, "--ram"},
      {[](SubmitOptions& o) { o.ram = ""; }, "--ram"},
      {[](SubmitOptions& o) { o.scratch = "-1"; }, "--scratch"},
      {[](SubmitOptions& o) {
         o.environment = {"A=1", "novalue"};
       },
       "--env novalue"},
      {[](SubmitOptions& o) { o.environment = {"=x"}; }, "--env =x"},
  };
  for (const Case& c : cases) {
    SubmitOptions options = plain();
    c.spoil(options);
    const auto made = request_attributes(options);
    ASSERT_FALSE(made) << c.option;
    EXPECT_EQ(made.error().kind, ErrorKind::invalid);
    EXPECT_EQ(made.error().message.find(c.option), 0U) << made.error().message;
  }
}

}  // namespace
}  // namespace berth
