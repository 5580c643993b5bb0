#include "berth/queue/choose_types.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <limits>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

using nlohmann::json;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr ChooseTypesOptions kDefaults{576716800, 1, 1.5};

std::string image(std::string_view size) {
  return "0123456789abcdef0123456789abcdef+" + std::string(size);
}

struct NeedCase {
  const char* name;
  std::int64_t ram, cache_ram, vcpus, cache_disk;
  std::string image;
  std::vector<std::int64_t> tmp;
  ChooseTypesOptions options;
  std::int64_t want_ram, want_scratch;
};

Container container_of(const NeedCase& c) {
  Container container;
  container.runtime_constraints = {false, c.vcpus, c.ram, c.cache_ram, c.cache_disk, {}};
  container.container_image = c.image;
  for (std::size_t i = 0; i < c.tmp.size(); ++i) container.mounts["/tmp" + std::to_string(i)] = {"tmp", c.tmp[i]};
  container.mounts["/in"] = {"collection", kGiB};
  return container;
}

// The worked examples of facts §4.1, by their numbers there.
TEST(NeededResources, WorkedExamples) {
  const ChooseTypesOptions no_keep{576716800, 0, 1.5}, nothing{0, 0, 1.5};
  const NeedCase cases[] = {
      {"1", kGiB, 0, 1, 0, "", {}, kDefaults, 2057857993, 0},
      {"2", kGiB, 0, 1, 0, "", {}, no_keep, 1737324867, 0},
      {"3", kGiB, 0, 1, 0, "", {}, nothing, 1130254551, 0},
      {"4", 256 * kMiB, 0, 1, 2 * kGiB, image("342"), {1000000000}, kDefaults, 1210167080, 3550136832},
      {"5", 12000000000, 0, 4, 12000000000, image("342"), {24000000000}, kDefaults, 13792297390, 36402653184},
      {"6", 987654321, 123456789, 2, 0, "", {2 * kGiB}, {268435456, 1, 1.5}, 1850392406, 2147483648},
      {"7", 987654321, 123456789, 2, 0, "", {2 * kGiB}, {268435456, 16, 1.5}, 4181542418, 2147483648},
      {"8", 64 * kGiB, 0, 32, 32 * kGiB, image("1340"), {100 * kGiB, 50 * kGiB}, kDefaults, 75672749755, 197434277888},
      {"9", 12345, 0, 1, 0, image("121"), {}, kDefaults, 927616436, 0},
      {"10", 12345, 0, 1, 0, image("122"), {}, kDefaults, 927616436, 134217728},
      {"11", 12345, 0, 1, 0, image("164"), {}, kDefaults, 927616436, 268435456},
      {"12", 12345, 0, 1, 0, image("-342"), {}, kDefaults, 927616436, 0},
      {"13", 0, 0, 0, 0, image("342"), {}, nothing, 0, 805306368},
      {"14", 128 * kMiB, 0, 0, 128 * kMiB, "", {}, nothing, 141281818, 134217728},
  };
  for (const NeedCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Resources need = needed_resources(container_of(c), c.options);
    EXPECT_EQ(need.ram, c.want_ram);
    EXPECT_EQ(need.scratch, c.want_scratch);
    EXPECT_EQ(need.vcpus, c.vcpus);
  }
}

TEST(NeededResources, OnlyAPortableDataHashHasASize) {
  const std::pair<std::string, std::int64_t> cases[] = {
      {image("122"), 2 * 64 * kMiB},
      {image("122+Kzzzzz"), 0},
      {image(" 122"), 0},
      {image(""), 0},
      {"0123456789ABCDEF0123456789abcdef+342", 0},
      {"0123456789abcdef+342", 0},
      {"arvados/jobs:latest", 0},
      {image("9223372036854775807"), kMax},
      {image("9223372036854775808"), 0},  // does not fit
  };
  for (const auto& [text, scratch] : cases) {
    Container container;
    container.container_image = text;
    EXPECT_EQ(needed_resources(container, kDefaults).scratch, scratch) << text;
  }
}

TEST(NeededResources, AbsurdNumbersSaturateAndNegativeOnesCountAsZero) {
  const NeedCase cases[] = {
      {"largest everything",
       kMax,
       kMax,
       kMax,
       kMax,
       image("9223372036854775807"),
       {kMax, kMax},
       {kMax, kMax, 1},
       kMax,
       kMax},
      {"largest ram", kMax, 0, 1, 0, "", {}, {0, 0, 1}, kMax, 0},
      {"ram × 100 would wrap", kMax / 50, 0, 1, 0, "", {}, {0, 0, 1}, kMax / 95, 0},
      {"many vcpus", 0, 0, kMax, 0, "", {}, kDefaults, kMax / 95, 0},
      {"negative everything", -1, -kMax, -5, -1, "", {-kMax, -1}, {-1, -1, -1}, 0, 0},
      {"a negative tmp makes no room", 0, 0, 0, 10, "", {100, -50}, {0, 0, 1}, 0, 110},
  };
  for (const NeedCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Resources need = needed_resources(container_of(c), c.options);
    EXPECT_EQ(need.ram, c.want_ram);
    EXPECT_EQ(need.scratch, c.want_scratch);
    EXPECT_EQ(need.vcpus, std::max<std::int64_t>(c.vcpus, 0));
  }
}

TEST(NeededResources, LargestNumbersFitNowhere) {
  for (const std::int64_t ram : {kMax, kMax / 50, kMax / 100 + 1}) {
    Container container;
    container.runtime_constraints.ram = ram;
    std::map<std::string, InstanceType> types;
    types["big"].name = "big";
    types["big"].ram = std::int64_t{1} << 53;
    EXPECT_FALSE(choose_types(container, types, kDefaults)) << ram;
  }
}

InstanceType type_of(const std::string& name, double price, std::int64_t ram = 8 * kGiB) {
  InstanceType type;
  type.name = type.provider_type = name;
  type.vcpus = 4;
  type.ram = ram;
  type.included_scratch = 100 * kGiB;
  type.price = price;
  return type;
}

std::map<std::string, InstanceType> menu(const std::vector<InstanceType>& list) {
  std::map<std::string, InstanceType> types;
  for (const InstanceType& type : list) types[type.name] = type;
  return types;
}

std::string names(const Result<std::vector<InstanceType>>& types) {
  std::string text;
  if (!types) return "error: " + types.error().message;
  for (const InstanceType& type : *types) text += (text.empty() ? "" : " ") + type.name;
  return text;
}

// facts §4.3, first table.
TEST(ChooseTypes, PriceCeilingAndOrder) {
  struct Case {
    std::vector<InstanceType> menu;
    double factor;
    std::string want;
  };
  const Case cases[] = {
      {{type_of("A", 2.0), type_of("B", 2.2), type_of("C", 2.4), type_of("D", 2.6), type_of("E", 3.0),
        type_of("F", 3.4)},
       1.5,
       "A B C D E"},
      {{type_of("A", 2.2, 2000000000), type_of("B", 2.2, 4000000000), type_of("C", 4.4)}, 0, "B A"},
      {{type_of("A", 0.246), type_of("B", 0.369)}, 1.5, "A B"},
      {{type_of("A", 0.10), type_of("B", 0.14), type_of("C", 0.16)}, 1.5, "A B"},
      {{type_of("A", 0), type_of("B", 0.01)}, 1.5, "A"},
      {{type_of("A", 0), type_of("B", 0), type_of("C", 1)}, 10, "A B"},
  };
  Container container;
  for (const Case& c : cases) {
    EXPECT_EQ(names(choose_types(container, menu(c.menu), {0, 0, c.factor})), c.want);
  }
}

TEST(ChooseTypes, EqualPricesPreferTheLargerMachine) {
  InstanceType ram = type_of("ram", 1, 9 * kGiB), vcpus = type_of("vcpus", 1), scratch = type_of("scratch", 1);
  vcpus.vcpus = 8;
  scratch.added_scratch = kGiB;
  const auto types = menu({type_of("b", 1), type_of("a", 1), scratch, vcpus, ram});
  EXPECT_EQ(names(choose_types({}, types, kDefaults)), "ram vcpus scratch a b");
}

InstanceType gpu_type(const std::string& name, double price, GpuFeatures gpu) {
  InstanceType type = type_of(name, price);
  type.gpu = std::move(gpu);
  return type;
}

// facts §4.3, the GPU tables.
TEST(ChooseTypes, Gpu) {
  const auto types = menu({
      gpu_type("t1", 4.4, {"cuda", "11.0", "9.0", 2, 2 * kGiB}),
      gpu_type("t2", 2.1, {"cuda", "11.0", "8.0", 1, 2 * kGiB}),
      gpu_type("t3", 2.2, {"cuda", "11.0", "9.0", 1, 2 * kGiB}),
      gpu_type("t4", 2.1, {"cuda", "10.0", "9.0", 1, 2 * kGiB}),
      gpu_type("t5", 2.3, {"cuda", "10.0", "8.0", 1, 8 * kGiB}),
      gpu_type("t6", 2.0, {"rocm", "6.2", "gfx1100", 1, 20 * kGiB}),
      gpu_type("t7", 1.9, {"rocm", "6.2", "gfx1103", 1, 8 * kGiB}),
      gpu_type("t8", 1.1, {}),
  });
  struct Case {
    GpuConstraints request;
    std::string want;
  };
  const Case cases[] = {
      {{"cuda", "11.0", {"9.0"}, 1, 2000000000}, "t3"},
      {{"cuda", "11.0", {"9.0"}, 2, 2000000000}, "t1"},
      {{"cuda", "11.0", {"8.0"}, 1, 2000000000}, "t2"},
      {{"cuda", "10.0", {"9.0"}, 1, 2000000000}, "t4"},
      {{"cuda", "10.0", {"8.0"}, 1, 8000000000}, "t5"},
      {{"cuda", "10.0", {"8.0", "9.0"}, 1, 8000000000}, "t5"},
      {{"cuda", "10.0", {"7.0", "7.5"}, 1, 0}, ""},  // two or more: equality
      {{"cuda", "10.0", {}, 1, 0}, ""},
      {{"cuda", "12.0.12", {"8.0"}, 1, 0}, ""},
      {{"cuda", "10.0", {"nan"}, 1, 0}, ""},
      {{"rocm", "6.2", {"gfx1100"}, 1, 0}, "t6"},
      {{"rocm", "6.2", {"gfx1100", "gfx1103"}, 1, 0}, "t7"},
      {{"rocm", "6.2", {}, 1, 0}, ""},
      {{"opencl", "6.2", {"x"}, 1, 0}, ""},
      {{"", "", {}, 0, 0}, "t8"},
      {{"", "", {}, 1, 0}, ""},
  };
  for (const Case& c : cases) {
    Container container;
    container.runtime_constraints = {false, 2, kGiB, 0, 0, c.request};
    container.mounts["/tmp"] = {"tmp", 2 * kGiB};
    const auto got = choose_types(container, types, {0, 0, 1});
    EXPECT_EQ(got ? names(got) : "", c.want) << c.request.stack << c.request.driver_version;
  }
}

TEST(ChooseTypes, ErrorsSayWhatWasNeededAndWhatThereIs) {
  Container container;
  container.runtime_constraints.vcpus = 5;
  EXPECT_EQ(names(choose_types(container, {}, kDefaults)), "error: no types configured");
  const auto got = choose_types(container, menu({type_of("small", 1)}), {0, 0, 1});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::failed);
  EXPECT_EQ(got.error().message,
            "constraints not satisfiable by any configured instance type: needs 5 VCPUs, RAM 0 bytes, scratch 0 bytes, "
            "preemptible false; configured: small (4 VCPUs, RAM 8 GiB, scratch 100 GiB)");
  std::map<std::string, InstanceType> many;
  for (int i = 0; i < 1000; ++i) many["t" + std::to_string(i)] = type_of("t" + std::to_string(i), 1);
  EXPECT_LT(choose_types(container, many, kDefaults).error().message.size(), 2500U);
}

// The observed cases of fixtures/choose_types.jsonl.
Container observed_container(const json& record) {
  Container container;
  container.container_image = record.at("container_image");
  const json& rc = record.at("runtime_constraints");
  const json& gpu = rc.at("gpu");
  container.runtime_constraints = {
      rc.at("API"), rc.at("vcpus"), rc.at("ram"), rc.at("keep_cache_ram"), rc.at("keep_cache_disk"), {}};
  container.runtime_constraints.gpu = {
      gpu.at("stack"), gpu.at("driver_version"), {}, gpu.at("device_count"), gpu.at("vram")};
  for (const json& target : gpu.at("hardware_target"))
    container.runtime_constraints.gpu.hardware_target.push_back(target);
  container.scheduling_parameters.preemptible = record.at("scheduling_parameters").at("preemptible");
  for (const auto& [path, mount] : record.at("mounts").items()) {
    container.mounts[path] = {mount.at("kind"), mount.value("capacity", std::int64_t{0})};
  }
  return container;
}

InstanceType observed_type(const json& record) {
  InstanceType type = type_of(record.at("Name"), record.at("Price"), record.at("RAM"));
  type.vcpus = record.at("VCPUs");
  type.included_scratch = record.at("Scratch");
  type.preemptible = record.at("Preemptible");
  if (record.contains("GPU")) {
    const json& gpu = record["GPU"];
    type.gpu = {gpu.value("Stack", ""), gpu.value("DriverVersion", ""), gpu.value("HardwareTarget", ""),
                gpu.value("DeviceCount", std::int64_t{0}), gpu.value("VRAM", std::int64_t{0})};
  }
  return type;
}

TEST(ChooseTypes, ObservedCases) {
  std::ifstream file(BERTH_TEST_DATA "/choose_types.jsonl");
  int count = 0, satisfiable = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const json c = json::parse(line);
    SCOPED_TRACE(c.at("case").dump());
    const Container container = observed_container(c.at("container"));
    const json& config = c.at("containers_config");
    const ChooseTypesOptions options{config.at("ReserveExtraRAM"), config.at("LocalKeepBlobBuffersPerVCPU"),
                                     config.at("MaximumPriceFactor")};
    std::vector<InstanceType> list;
    for (const json& type : c.at("instance_types")) list.push_back(observed_type(type));

    const json& need = c.at("need");
    EXPECT_EQ(needed_resources(container, options),
              (Resources{need.at("vcpus"), need.at("ram"), need.at("scratch"), need.at("gpus"), need.at("gpu_vram")}));
    const auto got = choose_types(container, menu(list), options);
    EXPECT_EQ(got.has_value(), c.at("satisfiable").get<bool>());
    std::string want;
    for (const json& name : c.at("eligible")) want += (want.empty() ? "" : " ") + name.get<std::string>();
    EXPECT_EQ(got ? names(got) : "", want);
    satisfiable += got.has_value() ? 1 : 0;
  }
  EXPECT_EQ(count, 600);
  EXPECT_EQ(satisfiable, 309);
}

}  // namespace
}  // namespace berth
