#include "berth/sim/what_if.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <string>
#include <vector>

#include "berth/base/runtime.hpp"
#include "berth/config/load.hpp"

#include "generate.hpp"
#include "input_file.hpp"
#include "outcome_text.hpp"
#include "progress.hpp"
#include "read_workload.hpp"
#include "report.hpp"
#include "report_table.hpp"
#include "simulate.hpp"
#include "what_if_arguments.hpp"

namespace berth {
namespace {

constexpr std::size_t kPoints = 600;  // of time series

void complain(const std::string& message) {
  std::fprintf(stderr, "berth-sim: %s\n", message.c_str());
}

/// One configuration, with the cloud as it is under it.
struct Variant {
  std::string label;
  Cluster cluster;
  CloudFile cloud;
};

Result<Variant> load_variant(const std::string& path, const WhatIfArguments& arguments) {
  LoadedConfig config = load_config_file(path);
  for (const Diagnostic& d : config.diagnostics) std::fprintf(stderr, "%s\n", to_string(d).c_str());
  if (!config.ok()) return fail(ErrorKind::failed, path + ": cannot be used");
  if (config.cluster.instance_types.empty()) return fail(ErrorKind::failed, path + ": InstanceTypes: there are none");
  Variant variant{path, std::move(config.cluster), {}};
  if (!arguments.cloud.empty()) {
    auto cloud = read_cloud_file(arguments.cloud, variant.cluster.instance_types);
    if (!cloud) return fail(cloud.error());
    variant.cloud = std::move(*cloud);
  }
  return variant;
}

/// The workload of each seed: one for all if it comes from a file.
class WorkloadMaker {
 public:
  static Result<WorkloadMaker> make(const WhatIfArguments& arguments) {
    WorkloadMaker maker;
    if (!arguments.generate.empty()) {
      auto spec = read_generator(arguments.generate);
      if (!spec) return fail(spec.error());
      maker.spec_ = std::move(*spec);
      return maker;
    }
    WorkloadOptions options;
    options.ram_per_vcpu = arguments.ram_per_vcpu;
    const auto format =
        arguments.format.empty() ? workload_format_of(arguments.workload) : parse_workload_format(arguments.format);
    if (!format) return fail(format.error());
    auto read = read_workload(arguments.workload, *format, options);
    if (!read) return fail(read.error());
    if (read->skipped > 0)
      complain(fmt::format("{}: lines left out, since nothing ran: {}", read->name, read->skipped));
    maker.read_ = std::move(*read);
    return maker;
  }
  Result<WorkloadSource> workload(std::uint64_t seed) const {
    return spec_ ? generate_workload(*spec_, seed) : Result<WorkloadSource>(read_);
  }

 private:
  std::optional<GeneratorSpec> spec_;
  WorkloadSource read_;
};

Duration last_submission(const Workload& workload) {
  Duration last{};
  for (const WorkloadContainer& c : workload) last = std::max(last, c.submit);
  return last;
}

Result<RunReport> run_one(const Variant& variant, const WorkloadSource& source, std::uint64_t seed,
                          const WhatIfArguments& arguments, Progress& progress) {
  const std::string history = fmt::format("{}: seed {}", variant.label, seed);
  Simulation simulation{variant.cluster, source.containers, variant.cloud, seed, {}, arguments.pass_interval};
  simulation.limit = last_submission(source.containers) + arguments.limit;
  simulation.observer = &progress;
  progress.begin(history, source.containers.size());
  const auto lives = simulate(simulation);
  progress.end();
  if (!lives) return fail(lives.error().within(history));
  RunReport run;
  run.seed = seed;
  run.figures = figures_of(*lives, source.containers, variant.cluster, variant.cloud.billing);
  run.series = time_series(*lives, variant.cloud.billing, kPoints);
  run.waits = sorted_waits(*lives);
  run.event_hash = lives->event_hash;
  run.problems = problems_of(*lives, source);
  for (const SimProblem& problem : run.problems) complain(fmt::format("{}: {}", history, describe(problem)));
  return run;
}

/// Before an hour's work, rather than after it.
Result<void> check_outputs(const WhatIfArguments& arguments) {
  for (const std::string& path : {arguments.csv, arguments.html})
    if (!path.empty())
      if (auto checked = check_output_file(path); !checked) return checked;
  return {};
}

Result<WhatIfReport> run_all(const WhatIfArguments& arguments) {
  WhatIfReport report;
  std::vector<Variant> variants;
  for (const std::string& path : arguments.configs) {
    auto variant = load_variant(path, arguments);
    if (!variant) return fail(variant.error());
    variants.push_back(std::move(*variant));
    report.variants.push_back({path, {}});
  }
  const auto maker = WorkloadMaker::make(arguments);
  if (!maker) return fail(maker.error());
  if (auto outputs = check_outputs(arguments); !outputs) return fail(outputs.error());
  const RealRuntime clock(1);
  Progress progress(clock);
  for (std::int64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.first_seed + static_cast<std::uint64_t>(i);
    const auto source = maker->workload(seed);
    if (!source) return fail(source.error());
    report.workload = source->name;
    for (std::size_t v = 0; v < variants.size(); ++v) {
      auto run = run_one(variants[v], *source, seed, arguments, progress);
      if (!run) return fail(run.error());
      report.variants[v].runs.push_back(std::move(*run));
    }
  }
  return report;
}

Result<void> write_files(const WhatIfReport& report, const WhatIfArguments& arguments) {
  if (!arguments.csv.empty())
    if (auto written = write_output_file(arguments.csv, report_csv(report)); !written) return written;
  if (!arguments.html.empty())
    if (auto written = write_output_file(arguments.html, report_html(report)); !written) return written;
  return {};
}

bool any_stuck(const WhatIfReport& report) {
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      for (const SimProblem& problem : run.problems)
        if (problem.kind == SimProblem::Kind::stuck) return true;
  return false;
}

}  // namespace

int run_what_if(int argc, const char* const* argv) {
  const ParsedWhatIf parsed = parse_what_if(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  const auto report = run_all(parsed.arguments);
  if (!report) {
    complain(report.error().message);
    return 1;
  }
  std::fputs(report_text(*report).c_str(), stdout);
  auto done = write_files(*report, parsed.arguments);
  if (done && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0))
    done = fail(ErrorKind::failed, std::string("stdout: ") + std::strerror(errno));
  if (done) return any_stuck(*report) ? 1 : 0;
  complain(done.error().message);
  return 1;
}

}  // namespace berth
