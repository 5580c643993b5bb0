#include "what_if_arguments.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "berth/base/units.hpp"

#include "generate.hpp"
#include "input_file.hpp"
#include "read_workload.hpp"
#include "yaml_map.hpp"

namespace berth {
namespace {

constexpr Duration kLongestLimit = std::chrono::hours(10 * 24 * 366);
constexpr std::size_t kMostCompared = 8;
constexpr Duration kLongestPassInterval = std::chrono::hours(1);  // beyond that nobody schedules

CLI::Validator is_duration(Duration most) {
  return {[most](const std::string& text) {
            const auto value = seconds_or_duration(text);
            if (!value || *value < Duration::zero()) return std::string("not a duration such as 90s or 12h");
            return *value <= most ? std::string() : "more than " + format_duration(most);
          },
          "", "duration"};
}

CLI::Validator is_bytes() {
  return {[](const std::string& text) {
            const auto value = parse_bytes(text);
            return value && *value > 0 ? std::string() : "not a size such as 2GiB";
          },
          "", "size"};
}

/// Seeds follow each other: the last one must not be beyond what a number can be.
CLI::Validator is_seed() {
  return {[](const std::string& text) {
            constexpr std::size_t most_digits = 18;
            const bool digits = text.find_first_not_of("0123456789") == text.npos;
            return digits && text.size() <= most_digits ? std::string() : "not a number of at most 18 digits";
          },
          "", "seed"};
}

struct Texts {
  std::string config;
  std::vector<std::string> compare;
  std::string ram_per_vcpu = "2GiB";
  std::string limit = "336h";
  std::string pass_interval = "0s";
};

void describe_run(CLI::App& run, WhatIfArguments& a, Texts& texts) {
  auto* config = run.add_option("--config", texts.config, "cluster configuration, as berthd reads it");
  auto* compare = run.add_option("--compare", texts.compare, "two to eight of them, to be shown side by side");
  config->type_name("FILE")->excludes(compare);
  compare->type_name("FILE")->expected(-1)->excludes(config);
  auto* workload = run.add_option("--workload", a.workload, "what to run: Standard Workload Format, CSV or JSON lines")
                       ->type_name("FILE");
  run.add_option("--format", a.format, "of the workload file: swf, csv or jsonl; else its name says it")
      ->type_name("NAME")
      ->check(CLI::IsMember({"swf", "csv", "jsonl"}).description(""))
      ->needs(workload);
  run.add_option("--ram-per-vcpu", texts.ram_per_vcpu,
                 "for jobs of an SWF file that do not say how much memory they need")
      ->type_name("SIZE")
      ->check(is_bytes())
      ->capture_default_str()
      ->needs(workload);
  run.add_option("--generate", a.generate,
                 "instead of a workload file: " + built_in_generators() + "; or a file that describes a workload")
      ->type_name("NAME")
      ->excludes(workload);
  run.add_option("--cloud", a.cloud, "what the cloud is like: boot times, limits, prices, interruptions")
      ->type_name("FILE");
  run.add_option("--seeds", a.seeds, "run so many histories, each with chance of its own; at most 1000")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}).description(""))
      ->capture_default_str();
  run.add_option("--first-seed", a.first_seed, "seed of the first history")
      ->type_name("N")
      ->check(is_seed())
      ->capture_default_str();
  run.add_option("--limit", texts.limit, "give up so long after the last submission, in simulated time")
      ->type_name("TIME")
      ->check(is_duration(kLongestLimit))
      ->capture_default_str();
  run.add_option("--pass-interval", texts.pass_interval,
                 "least simulated time between two scheduling passes; more is faster and less exact")
      ->type_name("TIME")
      ->check(is_duration(kLongestPassInterval))
      ->capture_default_str();
  run.add_option("--html", a.html, "write a report with plots")->type_name("FILE");
  run.add_option("--csv", a.csv, "write time series")->type_name("FILE");
  run.footer(
      "One of --config and --compare is needed, and one of --workload and --generate.\n"
      "TIME is in seconds or as 90s, 12h; SIZE in bytes or as 2GiB. docs/berth-sim.md describes all files.\n\n"
      "  berth-sim run --config cluster.yml --generate workflows\n"
      "  berth-sim run --compare now.yml larger.yml --workload jobs.csv --cloud aws.yml --seeds 5 --html "
      "report.html\n");
}

/// An output that is an input, or the other output, as a complaint; empty: none is.
std::string overwritten(const WhatIfArguments& a) {
  struct Option {
    const char* name;
    std::string path;
  };
  std::vector<Option> files{{"--workload", a.workload}, {"--cloud", a.cloud}};
  if (!is_built_in_generator(a.generate)) files.push_back({"--generate", a.generate});
  for (const std::string& path : a.configs) files.push_back({a.configs.size() > 1 ? "--compare" : "--config", path});
  for (const Option& output : {Option{"--csv", a.csv}, Option{"--html", a.html}}) {
    if (output.path.empty()) continue;
    for (const Option& file : files)
      if (!file.path.empty() && is_same_file(output.path, file.path))
        return fmt::format("{} would overwrite the file of {}: {}", output.name, file.name, file.path);
    files.push_back(output);
  }
  return {};
}

/// What CLI11 cannot check by itself; empty: all is well.
std::string complaint(const WhatIfArguments& a, bool compares) {
  if (a.configs.empty()) return "--config or --compare is required";
  if (compares && (a.configs.size() < 2 || a.configs.size() > kMostCompared))
    return fmt::format("--compare takes two to eight files, not {}", a.configs.size());
  if (a.workload.empty() && a.generate.empty()) return "--workload or --generate is required";
  if (!a.workload.empty() && a.format.empty())
    if (const auto format = workload_format_of(a.workload); !format) return format.error().message;
  return overwritten(a);
}

}  // namespace

ParsedWhatIf parse_what_if(int argc, const char* const* argv) {
  CLI::App app("What if? Runs the whole dispatcher on a workload in simulated time and says what it would cost.",
               "berth-sim");
  app.require_subcommand(1);
  ParsedWhatIf parsed;
  WhatIfArguments& a = parsed.arguments;
  Texts texts;
  app.failure_message([](const CLI::App* /*app*/, const CLI::Error& error) {
    return fmt::format("berth-sim: {}\nberth-sim run --help says more.\n", error.what());
  });
  auto* run = app.add_subcommand("run", "run a workload under one configuration, or several side by side");
  describe_run(*run, a, texts);
  try {
    app.parse(argc, argv);
    a.configs = texts.compare;
    if (!texts.config.empty()) a.configs = {texts.config};
    a.ram_per_vcpu = parse_bytes(texts.ram_per_vcpu).value();
    a.limit = seconds_or_duration(texts.limit).value();
    a.pass_interval = seconds_or_duration(texts.pass_interval).value();
    if (const std::string wrong = complaint(a, !texts.compare.empty()); !wrong.empty())
      throw CLI::ValidationError(wrong);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace berth
