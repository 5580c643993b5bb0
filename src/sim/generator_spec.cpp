#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "berth/base/units.hpp"

#include "generate.hpp"
#include "gpu_request.hpp"
#include "input_file.hpp"
#include "workload_row.hpp"
#include "yaml_map.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

enum class Unit { none, bytes, seconds };

constexpr double kMostBytes = 1e15;
constexpr double kMostSeconds = 366.0 * 24 * 3600;
constexpr double kMostWeight = 1e9;
constexpr double kMostGpus = 1000;

std::optional<double> number_of(const std::string& text, Unit unit) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  if (unit == Unit::bytes)
    if (const auto bytes = parse_bytes(text)) return static_cast<double>(*bytes);
  if (unit == Unit::seconds)
    if (const auto time = seconds_or_duration(text)) return std::chrono::duration<double>(*time).count();
  return std::nullopt;
}

std::string out_of_bounds(const std::string& text, Unit unit, double most) {
  const auto what = [&] {
    switch (unit) {
      case Unit::bytes:
        return fmt::format("a size such as 4GiB, or a number of bytes, from 0 to {:g}", most);
      case Unit::seconds:
        return fmt::format("a duration such as 1h30m, or a number of seconds, from 0 to {:.0f}", most);
      case Unit::none:
        break;
    }
    return fmt::format("a number from 0 to {:.0f}", most);
  };
  return quoted(text) + " is not " + what();
}

/// The value at a key of `map` as a number in base units between 0 and `most`.
void read_number(YamlMap& map, const std::string& key, Unit unit, double most, double& target) {
  std::string text;
  map.read(key, text);
  if (text.empty()) return;
  const auto value = number_of(text, unit);
  if (!value || !(*value >= 0 && *value <= most)) return map.refuse(key, out_of_bounds(text, unit, most));
  target = *value;
}

void read_mix(YamlMap& map, const std::string& key, Unit unit, double most, NumberMix& mix) {
  if (map.is_map(key)) {
    auto parts = map.map(key);
    if (!parts) return;
    mix = NumberMix{};
    mix.most = most;
    read_number(*parts, "median", unit, most, mix.median);
    parts->read("spread", mix.spread, 0, 5);
    read_number(*parts, "least", unit, most, mix.least);
    read_number(*parts, "most", unit, most, mix.most);
    if (mix.least > mix.most) parts->refuse("least", "is above most");
    parts->finish();
    return;
  }
  const auto texts = map.scalars(key);
  if (texts.empty()) return;
  mix.choices.clear();
  for (const std::string& text : texts) {
    const auto value = number_of(text, unit);
    if (!value || !(*value >= 0 && *value <= most)) return map.refuse(key, out_of_bounds(text, unit, most));
    mix.choices.push_back(*value);
  }
}

void read_arrivals(YamlMap& map, ArrivalProcess& process) {
  std::string kind = "steady";
  map.read("process", kind);
  if (kind == "diurnal")
    process.kind = ArrivalProcess::Kind::diurnal;
  else if (kind == "bursty")
    process.kind = ArrivalProcess::Kind::bursty;
  else if (kind != "steady")
    map.refuse("process", "is none of steady, diurnal, bursty");
  map.read("peak_hour", process.peak_hour, 0, 24);
  map.read("depth", process.depth, 0, 1);
  map.read("burst_size", process.burst_size, 1, 1'000'000);
  map.read("burst_length", process.burst_length, 24h);
  map.read("burst_share", process.burst_share, 0, 1);
  map.finish();
}

void read_gpus(YamlMap& map, ContainerKind& kind) {
  read_mix(map, "gpus", Unit::none, kMostGpus, kind.gpus);
  double vram = 0;
  read_number(map, "gpu_vram", Unit::bytes, kMostBytes, vram);
  kind.gpu.vram = static_cast<std::int64_t>(vram);
  map.read("gpu_stack", kind.gpu.stack);
  map.read("gpu_driver", kind.gpu.driver_version);
  kind.gpu.hardware_target = map.scalars("gpu_target");
  kind.gpu.device_count = 1;  // how many, each container draws for itself
  if (auto done = complete_gpu_request(kind.gpu); !done) map.refuse("", done.error().message);
}

ContainerKind read_kind(const std::string& name, YamlMap& map) {
  ContainerKind kind;
  kind.name = name;
  kind.vcpus.choices = {1};
  kind.ram.choices = {double(std::int64_t{1} << 30)};
  kind.run_time.choices = {600};
  map.read("weight", kind.weight, 0, kMostWeight);
  read_mix(map, "vcpus", Unit::none, 100'000, kind.vcpus);
  read_mix(map, "ram", Unit::bytes, kMostBytes, kind.ram);
  read_mix(map, "scratch", Unit::bytes, kMostBytes, kind.scratch);
  read_mix(map, "run_time", Unit::seconds, kMostSeconds, kind.run_time);
  read_gpus(map, kind);
  map.read("priority", kind.priority, 1, 1000);
  map.read("preemptible", kind.preemptible);
  map.finish();
  return kind;
}

void read_kind_name(YamlMap& map, const std::string& key, const GeneratorSpec& spec, std::uint32_t& target) {
  std::string name;
  map.read(key, name);
  for (std::uint32_t i = 0; i < spec.kinds.size(); ++i)
    if (spec.kinds[i].name == name) {
      target = i;
      return;
    }
  map.refuse(key, "is not the name of one of `kinds`");
}

WorkflowKind read_workflow(YamlMap& map, const GeneratorSpec& spec) {
  WorkflowKind workflow;
  map.read("weight", workflow.weight, 0, kMostWeight);
  map.read("priority", workflow.priority, 1, 1000);
  read_kind_name(map, "supervisor", spec, workflow.supervisor);
  for (YamlMap& item : map.list("stages")) {
    WorkflowKind::Stage stage;
    stage.count.choices = {1};
    read_kind_name(item, "of", spec, stage.kind);
    read_mix(item, "count", Unit::none, 100'000, stage.count);
    std::string after = "all";
    item.read("after", after);
    stage.after_each = after == "each";
    if (after != "each" && after != "all") item.refuse("after", "is neither each nor all");
    item.finish();
    workflow.stages.push_back(std::move(stage));
  }
  if (workflow.stages.empty()) map.refuse("stages", "is missing");
  map.finish();
  return workflow;
}

struct BuiltIn {
  std::string_view name;
  std::string_view text;
};
constexpr std::array kBuiltIn{
    BuiltIn{"steady", R"(
duration: 24h
containers: 2000
kinds:
  small: {weight: 6, vcpus: [1, 2, 3, 4], ram: [1GiB, 2GiB, 4GiB, 8GiB], run_time: {median: 8m, spread: 0.8, most: 4h}}
  medium: {weight: 3, vcpus: [2, 4, 6], ram: [4GiB, 8GiB, 16GiB, 24GiB], run_time: {median: 25m, spread: 0.8, most: 8h}}
  large: {weight: 1, vcpus: [8, 12, 16], ram: [16GiB, 32GiB, 64GiB], run_time: {median: 1h, spread: 0.7, most: 12h}}
)"},
    BuiltIn{"diurnal", R"(
duration: 24h
containers: 2000
arrivals: {process: diurnal, peak_hour: 14, depth: 0.9}
kinds:
  small: {weight: 6, vcpus: [1, 2], ram: [1GiB, 2GiB, 4GiB], run_time: {median: 8m, spread: 0.8, most: 4h}}
  large: {weight: 1, vcpus: [8, 16], ram: [24GiB, 48GiB], run_time: {median: 1h, spread: 0.7, most: 12h}}
)"},
    BuiltIn{"bursty", R"(
duration: 12h
containers: 2000
arrivals: {process: bursty, burst_size: 200, burst_length: 2m, burst_share: 0.8}
kinds:
  task: {vcpus: [1, 2, 4], ram: [2GiB, 4GiB, 8GiB], run_time: {median: 12m, spread: 0.9, most: 3h}}
)"},
    BuiltIn{"workflows", R"(
duration: 24h
containers: 2000
arrivals: {process: diurnal, peak_hour: 11, depth: 0.7}
kinds:
  supervisor: {weight: 0, vcpus: 1, ram: 1GiB, run_time: 10s}
  align: {weight: 0, vcpus: [4, 8], ram: [8GiB, 16GiB], run_time: {median: 35m, spread: 0.5, most: 6h}}
  sort: {weight: 0, vcpus: 2, ram: [8GiB, 16GiB], run_time: {median: 12m, spread: 0.5, most: 3h}}
  merge: {weight: 0, vcpus: 4, ram: 32GiB, run_time: {median: 40m, spread: 0.5, most: 6h}}
  adhoc: {weight: 10, vcpus: [1, 2], ram: [2GiB, 4GiB], run_time: {median: 6m, spread: 1, most: 4h}}
workflows:
  - supervisor: supervisor
    weight: 1
    stages:
      - {of: align, count: {median: 16, spread: 0.7, least: 1, most: 200}}
      - {of: sort, count: 16, after: each}
      - {of: merge, after: all}
)"},
    BuiltIn{"bioinformatics", R"(
duration: 24h
containers: 2000
arrivals: {process: bursty, burst_size: 8, burst_length: 20m, burst_share: 0.7}
kinds:
  supervisor: {weight: 0, vcpus: 1, ram: 1GiB, run_time: 10s}
  check: {weight: 0, vcpus: [1, 2], ram: [512MiB, 2GiB], run_time: {median: 90s, spread: 0.8, least: 5s, most: 1h}}
  align: {weight: 0, vcpus: [8, 12, 16], ram: [32GiB, 48GiB, 64GiB], run_time: {median: 2h, spread: 0.5, most: 12h}}
  merge: {weight: 0, vcpus: [2, 4], ram: [16GiB, 24GiB], run_time: {median: 25m, spread: 0.5, most: 6h}}
  call: {weight: 0, vcpus: [2, 3], ram: [6GiB, 12GiB], run_time: {median: 15m, spread: 0.7, most: 6h}}
  report: {weight: 0, vcpus: 1, ram: 4GiB, run_time: {median: 3m, spread: 0.5, most: 1h}}
workflows:
  - supervisor: supervisor
    weight: 1
    stages:
      - {of: check, count: {median: 12, spread: 0.5, least: 2, most: 60}}
      - {of: align, count: [1, 2, 4]}
      - {of: merge}
      - {of: call, count: 24}
      - {of: merge}
      - {of: report}
)"},
    BuiltIn{"tasks", R"(
duration: 6h
containers: 2000
arrivals: {process: diurnal, peak_hour: 3, depth: 0.7}
kinds:
  supervisor: {weight: 0, vcpus: 1, ram: 1GiB, run_time: 10s}
  fetch: {weight: 0, vcpus: 1, ram: [1GiB, 2GiB], run_time: {median: 12s, spread: 0.4, most: 10m}}
  step: {weight: 0, vcpus: [2, 4], ram: [4GiB, 6GiB], run_time: {median: 40s, spread: 0.4, most: 20m}}
  collect: {weight: 0, vcpus: 4, ram: 24GiB, run_time: {median: 90s, spread: 0.4, most: 1h}}
workflows:
  - supervisor: supervisor
    weight: 1
    stages:
      - {of: fetch, count: {median: 12, spread: 0.5, least: 1, most: 100}}
      - {of: step, count: 24, after: each}
      - {of: collect, after: all}
)"},
    BuiltIn{"gpus", R"(
duration: 24h
containers: 2000
kinds:
  prepare: {weight: 6, vcpus: [1, 2, 4], ram: [2GiB, 4GiB, 8GiB], run_time: {median: 10m, spread: 0.8, most: 4h}}
  infer: {weight: 3, vcpus: [2, 4], ram: [8GiB, 16GiB], gpus: 1, run_time: {median: 12m, spread: 0.7, most: 4h}}
  train: {weight: 1, vcpus: [8, 16], ram: [32GiB, 64GiB], gpus: [1, 2, 4], run_time: {median: 90m, spread: 0.6, most: 12h}}
)"},
};

}  // namespace

Result<GeneratorSpec> read_generator_text(std::string_view text, const std::string& file) {
  auto map = YamlMap::parse(text, file);
  if (!map) return fail(map.error());
  GeneratorSpec spec;
  spec.name = file;
  map->read("duration", spec.duration, 24h * 366);
  if (spec.duration <= Duration::zero()) map->refuse("duration", "must be above 0");
  map->read("containers", spec.containers, 1, 1'000'000);
  if (auto arrivals = map->map("arrivals")) read_arrivals(*arrivals, spec.arrivals);
  for (auto& [name, kind] : map->maps("kinds")) spec.kinds.push_back(read_kind(name, kind));
  if (spec.kinds.empty()) map->refuse("kinds", "is missing");
  if (map->ok())
    for (YamlMap& workflow : map->list("workflows")) spec.workflows.push_back(read_workflow(workflow, spec));
  map->finish();
  if (!map->ok()) return fail(*map->error());
  return spec;
}

std::string built_in_generators() {
  std::string names;
  for (const BuiltIn& spec : kBuiltIn) names += (names.empty() ? "" : ", ") + std::string(spec.name);
  return names;
}

bool is_built_in_generator(std::string_view name) {
  return std::any_of(kBuiltIn.begin(), kBuiltIn.end(), [&](const BuiltIn& spec) { return spec.name == name; });
}

Result<GeneratorSpec> read_generator(const std::string& name_or_path) {
  for (const BuiltIn& spec : kBuiltIn)
    if (spec.name == name_or_path) return read_generator_text(spec.text, name_or_path);
  constexpr std::size_t most = std::size_t{2} << 20;
  const auto text = read_input_file(name_or_path, most);
  if (!text) {
    Error error = text.error();
    error.message += "; built in are " + built_in_generators();
    return fail(std::move(error));
  }
  return read_generator_text(*text, name_or_path);
}

}  // namespace berth
