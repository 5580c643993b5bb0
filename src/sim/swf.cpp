#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <unordered_map>

#include "lines.hpp"
#include "read_workload.hpp"

namespace berth {
namespace {

// The fields of a line (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html). -1 stands for "not known".
enum SwfField {
  job_number,
  submit_time,
  wait_time,
  run_time,
  allocated_processors,
  average_cpu_time,
  used_memory,
  requested_processors,
  requested_time,
  requested_memory,
  status,
  user_id,
  group_id,
  executable,
  queue_number,
  partition_number,
  preceding_job,
  think_time,
  field_count,
};
constexpr std::array<std::string_view, field_count> kNames{
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user id",
    "group id",
    "executable",
    "queue number",
    "partition number",
    "preceding job",
    "think time",
};
using Values = std::array<double, field_count>;

constexpr double kMaxNumber = 9e15;  // whole numbers up to here are exact

tl::unexpected<Error> wrong(std::size_t line, SwfField field, std::string_view message) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}: {}", line, kNames[field], message));
}

Result<Values> read_values(std::string_view text, std::size_t line) {
  Values values{};
  std::size_t count = 0;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) break;
    if (count == field_count)
      return fail(ErrorKind::invalid, fmt::format("{}: more than {} fields", line, +field_count));
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    double& value = values[count];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !(std::abs(value) <= kMaxNumber))
      return wrong(line, static_cast<SwfField>(count), "is not a number");
    ++count;
  }
  if (count != field_count)
    return fail(ErrorKind::invalid, fmt::format("{}: {} fields, {} expected", line, count, +field_count));
  return values;
}

std::string name_of(double number) {
  return fmt::format("{:.0f}", number);
}

/// Whether the line stands for a whole job that ran: not for one of its parts, nor for one that was cancelled before.
bool ran(const Values& v) {
  const bool part = v[status] == 2 || v[status] == 3 || v[status] == 4;
  return !part && v[run_time] > 0 && (v[requested_processors] > 0 || v[allocated_processors] > 0);
}

Result<WorkloadContainer> container_of(const Values& v, std::size_t line, const WorkloadOptions& options) {
  const WorkloadLimits& limits = options.limits;
  const double longest = std::chrono::duration<double>(limits.run_time).count();
  WorkloadContainer c;
  if (v[submit_time] < 0 || v[submit_time] > 8e9) return wrong(line, submit_time, "must be a number of seconds");
  c.submit = Duration(std::llround(v[submit_time] * 1e9));
  if (v[run_time] > longest) return wrong(line, run_time, "is longer than a year");
  c.run_time = Duration(std::llround(v[run_time] * 1e9));
  const SwfField processors = v[requested_processors] > 0 ? requested_processors : allocated_processors;
  if (v[processors] < 1 || v[processors] > static_cast<double>(limits.vcpus))
    return wrong(line, processors, fmt::format("must be between 1 and {}", limits.vcpus));
  c.constraints.vcpus = static_cast<std::int64_t>(v[processors]);
  const SwfField memory = v[requested_memory] > 0 ? requested_memory : used_memory;
  const double kib = v[memory] > 0 ? v[memory] : static_cast<double>(options.ram_per_vcpu) / 1024;
  const double ram = kib * 1024 * v[processors];
  if (ram > static_cast<double>(limits.bytes)) return wrong(line, memory, "is absurd: it counts KiB per processor");
  c.constraints.ram = static_cast<std::int64_t>(ram);
  if (v[executable] >= 0) c.image = fmt::format("{:.0f}", v[executable]);
  return c;
}

}  // namespace

Result<WorkloadSource> read_swf(std::string_view text, const WorkloadOptions& options) {
  WorkloadSource source;
  std::vector<double> preceding;
  std::unordered_map<std::string, std::uint32_t> by_name;
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == ';') continue;
    const auto values = read_values(line, lines.number());
    if (!values) return fail(values.error());
    if (!ran(*values)) {
      ++source.skipped;
      continue;
    }
    if (source.containers.size() == options.limits.containers)
      return fail(ErrorKind::exhausted,
                  fmt::format("{}: more than {} jobs", lines.number(), options.limits.containers));
    auto container = container_of(*values, lines.number(), options);
    if (!container) return fail(container.error());
    by_name.emplace(name_of((*values)[job_number]), static_cast<std::uint32_t>(source.containers.size()));
    source.containers.push_back(std::move(*container));
    source.names.push_back(name_of((*values)[job_number]));
    source.lines.push_back(lines.number());
    preceding.push_back((*values)[preceding_job]);
  }
  if (source.containers.empty()) return fail(ErrorKind::invalid, "holds no job that ran");
  // A job that follows one that was skipped, or is not in the log, follows none.
  for (std::size_t i = 0; i < preceding.size(); ++i) {
    const auto found = preceding[i] > 0 ? by_name.find(name_of(preceding[i])) : by_name.end();
    if (found != by_name.end()) source.containers[i].after.push_back(found->second);
  }
  return finish_workload(std::move(source), options.limits);
}

}  // namespace berth
