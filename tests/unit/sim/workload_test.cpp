#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "read_workload.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kGib = std::int64_t{1} << 30;

WorkloadSource good(const Result<WorkloadSource>& workload) {
  EXPECT_TRUE(workload) << workload.error().message;
  return workload ? *workload : WorkloadSource{};
}
std::string error_of(const Result<WorkloadSource>& workload) {
  EXPECT_FALSE(workload);
  return workload ? "" : workload.error().message;
}

TEST(Swf, ReadsJobs) {
  const WorkloadSource w =
      good(read_swf("; Version: 2.2\n"
                    "  1 100 5 60 4 -1 -1 8 600 1048576 1 1 1 7 1 1 -1 -1\n"
                    "\n"
                    "2 160 5 30 2 -1 2048 -1 600 -1 1 1 1 -1 1 1 1 10\r\n"
                    "3 200 0 10 1 -1 -1 1 60 -1 1 1 1 -1 1 1 -1 -1\n",
                    {}));
  ASSERT_EQ(w.containers.size(), 3U);
  EXPECT_EQ(w.names[0], "1");
  EXPECT_EQ(w.containers[0].submit, 0s);
  EXPECT_EQ(w.containers[0].run_time, 60s);
  EXPECT_EQ(w.containers[0].constraints.vcpus, 8) << "as requested, not as allocated";
  EXPECT_EQ(w.containers[0].constraints.ram, 8 * kGib);
  EXPECT_EQ(w.containers[0].image, "7");
  EXPECT_EQ(w.containers[1].submit, 60s);
  EXPECT_EQ(w.containers[1].constraints.vcpus, 2);
  EXPECT_EQ(w.containers[1].constraints.ram, 2 * 2048 * 1024) << "what was used, where nothing was requested";
  EXPECT_EQ(w.containers[1].after, std::vector<std::uint32_t>{0});
  EXPECT_EQ(w.containers[2].constraints.ram, 2 * kGib) << "2 GiB a processor where nothing is known";
}

TEST(Swf, SkipsWhatDidNotRun) {
  const WorkloadSource w =
      good(read_swf("1 0 -1 -1 -1 -1 -1 4 600 -1 5 1 1 7 1 1 -1 -1\n"  // cancelled in the queue
                    "2 0 5 60 4 -1 -1 4 600 -1 2 1 1 7 1 1 -1 -1\n"    // a part of job 2
                    "2 0 5 90 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n"    // job 2 as a whole
                    "3 9 5 60 4 -1 -1 4 600 -1 0 1 1 7 1 1 1 -1\n",    // after one that was skipped
                    {}));
  EXPECT_EQ(w.skipped, 2);
  ASSERT_EQ(w.containers.size(), 2U);
  EXPECT_EQ(w.containers[0].run_time, 90s);
  EXPECT_TRUE(w.containers[1].after.empty());
}

TEST(Swf, NamesLineAndField) {
  const struct {
    const char* text;
    const char* words;
  } cases[] = {
      {"", "holds no job that ran"},
      {"; only\n", "holds no job that ran"},
      {"1 0 5 0 4 -1 -1 4 600 -1 5 1 1 7 1 1 -1 -1\n", "holds no job that ran"},
      {"1 2 3\n", "1: 3 fields, 18 expected"},
      {";\n1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1 9\n", "2: more than 18 fields"},
      {"1 0 5 x 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n", "1: run time: is not a number"},
      {"1 0 5 1e300 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n", "1: run time: is not a number"},
      {"1 0 5 nan 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n", "1: run time: is not a number"},
      {"1 0 5 99999999 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n", "1: run time: is longer than a year"},
      {"1 -7 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n", "1: submit time:"},
      {"1 0 5 60 4 -1 -1 9999999 600 -1 1 1 1 7 1 1 -1 -1\n", "1: requested processors: must be between 1 and 100000"},
      {"1 0 5 60 4 -1 -1 4 600 9e15 1 1 1 7 1 1 -1 -1\n", "1: requested memory: is absurd"},
      {"1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n",
       "2: name: '1' is there twice"},
      {"1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 1 -1\n", "1: after: '1' waits for itself"},
      {"1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 2 -1\n2 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 1 -1\n",
       "1: after: '1' would wait for itself"},
      {"1 0 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n2 40000000 5 60 4 -1 -1 4 600 -1 1 1 1 7 1 1 -1 -1\n",
       "2: submit: more than 366 days"},
  };
  for (const auto& [text, words] : cases) {
    const std::string error = error_of(read_swf(text, {}));
    EXPECT_TRUE(error.starts_with(words)) << text << error;
  }
}

TEST(Csv, ReadsContainers) {
  const WorkloadSource w =
      good(read_csv("\xEF\xBB\xBF"
                    "name,submit,run_time,vcpus,ram,priority,supervisor,preemptible,after,parent,image\r\n"
                    "\r\n"
                    "main,2026-01-01T00:10:00Z,10,1,256MiB,900,t,f,,,\"a \"\"b\"\",\"\r\n"
                    "one,2026-01-01T00:10:30Z,1m30s,2,1073741824,,,true,,main,\n"
                    "two,2026-01-01T01:10:00+01:00,0.5,16,4 GiB,,,,one; first,main,x\n"
                    "first,2026-01-01T00:00:00Z,1h,1,1GiB,,,,,,",
                    {}));
  ASSERT_EQ(w.containers.size(), 4U);
  const WorkloadContainer& main = w.containers[0];
  EXPECT_EQ(w.names[0], "main");
  EXPECT_EQ(main.submit, 10min) << "since the first";
  EXPECT_EQ(main.priority, 900);
  EXPECT_TRUE(main.scheduling.supervisor);
  EXPECT_FALSE(main.scheduling.preemptible);
  EXPECT_EQ(main.constraints.ram, kGib / 4);
  EXPECT_EQ(main.image, "a \"b\",");
  const WorkloadContainer& one = w.containers[1];
  EXPECT_EQ(one.submit, 30s) << "since its parent";
  EXPECT_EQ(one.run_time, 90s);
  EXPECT_EQ(one.priority, 500);
  EXPECT_TRUE(one.scheduling.preemptible);
  EXPECT_EQ(one.parent, 0U);
  EXPECT_EQ(w.containers[2].run_time, 500ms);
  EXPECT_EQ(w.containers[2].submit, 0s) << "at the same moment as its parent";
  EXPECT_EQ(w.containers[2].after, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(w.containers[3].submit, 0s);
}

TEST(Csv, ReadsGpus) {
  const WorkloadSource w =
      good(read_csv("submit,run_time,vcpus,ram,gpus,gpu_vram,gpu_stack,gpu_driver,gpu_target\n"
                    "0,1,1,1,2,,,,\n"
                    "0,1,1,1,1,16GiB,rocm,5.7,gfx90a;gfx942\n"
                    "0,1,1,1,0,16GiB,cuda,11.4,8.0\n",
                    {}));
  ASSERT_EQ(w.containers.size(), 3U);
  const GpuConstraints& any = w.containers[0].constraints.gpu;
  EXPECT_EQ(any, (GpuConstraints{"cuda", "0", {"0"}, 2, 0})) << "any CUDA device will do";
  const GpuConstraints& rocm = w.containers[1].constraints.gpu;
  EXPECT_EQ(rocm, (GpuConstraints{"rocm", "5.7", {"gfx90a", "gfx942"}, 1, 16 * kGib}));
  EXPECT_EQ(w.containers[2].constraints.gpu, GpuConstraints{}) << "no GPUs, whatever is said of them";
}

TEST(Csv, NamesLineAndField) {
  const std::string header = "name,submit,run_time,vcpus,ram,after,parent,supervisor\n";
  const struct {
    std::string text;
    const char* words;
  } cases[] = {
      {"", "is empty"},
      {"\n\n", "is empty"},
      {header, "holds no container"},
      {"name,submit,run_time,vcpus\n", "1: ram: this column is missing"},
      {"submit,run_time,vcpus,ram,cores\n", "1: column 5, 'cores': no such field; there are name, submit"},
      {"submit,run_time,vcpus,ram,ram\n", "1: ram: this column is there twice"},
      {header + "a,0,1,1\n", "2: 4 fields, 8 expected"},
      {header + "a,0,1,,1,,,\n", "2: vcpus: is empty"},
      {header + "a,0,1,1.5,1,,,\n", "2: vcpus: '1.5' is not a whole number"},
      {header + "a,0,1,0,1,,,\n", "2: vcpus: 0 is not between 1 and 100000"},
      {header + "a,0,1,99999999999999999999,1,,,\n", "2: vcpus: '99999999999999999999' is not a whole number"},
      {header + "a,0,1,1,lots,,,\n", "2: ram: 'lots' is not a size"},
      {header + "a,0,1,1,-1,,,\n", "2: ram: '-1' is not between 0 and"},
      {header + "a,0,1,1,2EiB,,,\n", "2: ram: '2EiB' is not between 0 and"},
      {header + "a,0,-1,1,1,,,\n", "2: run_time: '-1' is not between 0 and"},
      {header + "a,0,inf,1,1,,,\n", "2: run_time: 'inf' seconds are too many"},
      {header + "a,0,10y,1,1,,,\n", "2: run_time: '10y' is neither"},
      {header + "a,noon,1,1,1,,,\n", "2: submit: 'noon' is neither a number of seconds, a duration such as 1h30m, nor"},
      {header + "a,0,1,1,1,b,,\n", "2: after: no container is called 'b'"},
      {header + "a,0,1,1,1,,b,\n", "2: parent: no container is called 'b'"},
      {header + "a,0,1,1,1,,,\nb,0,1,1,1,,a,\n", "3: parent: 'a' is no supervisor"},
      {header + "a,0,1,1,1,,a,true\n", "2: parent: 'a' is its own parent"},
      {header + "a,0,1,1,1,,,\n\"b\nc\",0,1,1,1,,,\n", "3: name: holds a control character"},
      {header + "a,0,1,1,1,,,\n\"b\n", "3: a quote that begins in this record does not end"},
      {header + "\"a\"b,0,1,1,1,,,\n", "2: field 1: text after the quote"},
      {header + "a,0,1,1,1,,,maybe\n", "2: supervisor: 'maybe' is neither true nor false"},
      {header + "s,0,1,1,1,c,,true\nc,0,1,1,1,,s,\n", "2: after: 's' would wait for itself"},
      {header + "a,0,1,1,1,c,,\nb,0,1,1,1,c,,\nc,0,1,1,1,b,,\n", "3: after: 'b' would wait for itself"},
      {header + "a,0,1,1,1,s,,\ns,0,1,1,1,,t,true\nt,0,1,1,1,,s,true\n", "3: parent: 's' would be below itself"},
      {header + "s,0,1,1,1,,u,true\nt,0,1,1,1,,s,true\nu,0,1,1,1,,t,true\n", "2: parent: 's' would be below itself"},
      {header + "s,0,1,1,1,,t,true\nt,0,1,1,1,,s,true\nx,0,1,1,1,s,,\n", "2: parent: 's' would be below itself"},
      {header + "s,9,1,1,1,,,true\nc,8,1,1,1,,s,\n", "3: submit: before that of its parent 's'"},
      {header + std::string(70'000, 'x') + ",0,1,1,1,,,\n", "2: longer than 65536 bytes"},
      {header + "\x1b[2J,0,1,1,1,,,\n", "2: name: holds a control character"},
      {"submit,run_time,vcpus,ram,gpus\n0,1,1,1,1001\n", "2: gpus: 1001 is not between 0 and 1000"},
      {"submit,run_time,vcpus,ram,gpus,gpu_stack\n0,1,1,1,1,vulkan\n", "2: gpu_stack: is neither cuda nor rocm"},
      {"submit,run_time,vcpus,ram,gpus,gpu_stack\n0,1,1,1,1,rocm\n", "2: gpu_target: is missing"},
      {"submit,run_time,vcpus,ram,gpus,gpu_driver\n0,1,1,1,1,new\n", "2: gpu_driver: is not a version"},
  };
  for (const auto& [text, words] : cases) {
    const std::string error = error_of(read_csv(text, {}));
    EXPECT_TRUE(error.starts_with(words)) << text.substr(0, 200) << error;
  }
}

TEST(JsonLines, ReadsContainers) {
  const WorkloadSource w = good(read_json_lines(
      R"({"name": "s", "submit": 5, "run_time": "10s", "vcpus": 1, "ram": "1GiB", "supervisor": true}

{"submit": 6.5, "run_time": 60, "vcpus": 2, "ram": 1024, "parent": "s", "image": null}
{"name": "z", "submit": 7, "run_time": 60, "vcpus": 2, "ram": 1024, "after": ["s", 3], "gpus": 1, "gpu_target": [8.6]}
)",
      {}));
  ASSERT_EQ(w.containers.size(), 3U);
  EXPECT_TRUE(w.containers[0].scheduling.supervisor);
  EXPECT_EQ(w.names[1], "3") << "by its line, where it has no name";
  EXPECT_EQ(w.containers[1].submit, 1500ms);
  EXPECT_EQ(w.containers[1].parent, 0U);
  EXPECT_EQ(w.containers[2].after, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(w.containers[2].constraints.gpu.hardware_target, std::vector<std::string>{"8.6"});
}

TEST(JsonLines, NamesLineAndField) {
  const std::string rest = R"("submit": 0, "run_time": 1, "vcpus": 1)";
  const struct {
    std::string text;
    const char* words;
  } cases[] = {
      {"", "holds no container"},
      {"\n{", "2: "},
      {"[]\n", "1: is not a JSON object"},
      {"{" + rest + "}\n", "1: ram: is missing"},
      {"{" + rest + R"(, "ram": ""})", "1: ram: is missing"},
      {"{" + rest + R"(, "ram": 1, "vcpus": 2})", "1: vcpus: is there twice"},
      {"{" + rest + R"(, "ram": 1, "after": ["x"], "after": []})", "1: after: is there twice"},
      {"{" + rest + R"(, "ram": [1]})", "1: ram: is neither text, a number"},
      {"{" + rest + R"(, "ram": 1, "cpu": 2})", "1: \"cpu\": no such field; there are name, submit"},
      {"{" + rest + R"(, "ram": 1, "after": [["x"]]})", "1: after: is not a list of names"},
      {"{" + rest + R"(, "ram": 1, "after": "x"})", "1: after: no container is called 'x'"},
      {"{" + rest + R"(, "ram": 1, "gpu_target": [{}]})", "1: gpu_target: is not a list of names"},
      {std::string(100'000, '['), "1: longer than 65536 bytes"},
      {std::string(1000, '['), "1: "},
  };
  for (const auto& [text, words] : cases) {
    const std::string error = error_of(read_json_lines(text, {}));
    EXPECT_TRUE(error.starts_with(words)) << text.substr(0, 200) << error;
  }
}

TEST(Workload, IsBounded) {
  WorkloadOptions options;
  options.limits.containers = 2;
  const std::string row = "0,1,1,1\n";
  EXPECT_TRUE(read_csv("submit,run_time,vcpus,ram\n" + row + row, options));
  EXPECT_EQ(error_of(read_csv("submit,run_time,vcpus,ram\n" + row + row + row, options)), "4: more than 2 containers");
}

TEST(Workload, FilesAreReadByTheirName) {
  const auto directory = std::filesystem::temp_directory_path() / ("berth-workload-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "w.csv";
  std::ofstream(path) << "submit,run_time,vcpus,ram\n0,1,x,1\n";
  ASSERT_EQ(workload_format_of(path).value(), WorkloadFormat::csv);
  EXPECT_EQ(error_of(read_workload(path, WorkloadFormat::csv, {})), path + ":2: vcpus: 'x' is not a whole number");
  EXPECT_EQ(error_of(read_workload(path, WorkloadFormat::swf, {})), path + ":1: job number: is not a number");
  EXPECT_EQ(error_of(read_workload(directory / "absent", WorkloadFormat::csv, {})),
            (directory / "absent").string() + ": No such file or directory");
  EXPECT_FALSE(workload_format_of("w.txt"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace berth
