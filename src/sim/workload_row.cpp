#include "workload_row.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <unordered_map>

#include "berth/base/units.hpp"

#include "gpu_request.hpp"

namespace berth {
namespace {

constexpr std::size_t kMaxName = 256;
constexpr double kMaxSeconds = 8e9;  // two and a half centuries: what a Duration holds
constexpr std::size_t kMaxTargets = 100;

struct Field {
  std::string_view name;
  bool required;
};
constexpr std::array kFields{
    Field{"name", false},       Field{"submit", true},    Field{"run_time", true},   Field{"vcpus", true},
    Field{"ram", true},         Field{"scratch", false},  Field{"priority", false},  Field{"preemptible", false},
    Field{"supervisor", false}, Field{"image", false},    Field{"after", false},     Field{"parent", false},
    Field{"gpus", false},       Field{"gpu_vram", false}, Field{"gpu_stack", false}, Field{"gpu_driver", false},
    Field{"gpu_target", false},
};

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::invalid, std::move(message));
}

template <class Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<void> set_integer(std::int64_t& target, std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  if (!read_number(text, value)) return wrong(quoted(text) + " is not a whole number");
  if (value < low || value > high) return wrong(fmt::format("{} is not between {} and {}", value, low, high));
  target = value;
  return {};
}

Result<void> set_bytes(std::int64_t& target, std::string_view text, std::int64_t high) {
  std::int64_t value = 0;
  if (!read_number(text, value)) {
    const auto bytes = parse_bytes(text);
    if (!bytes) return wrong(quoted(text) + " is not a size such as 4GiB, nor a number of bytes");
    value = *bytes;
  }
  if (value < 0 || value > high)
    return wrong(fmt::format("{} is not between 0 and {}", quoted(text), format_bytes(high)));
  target = value;
  return {};
}

Result<void> set_flag(bool& target, std::string_view text) {
  if (text == "true" || text == "1" || text == "t" || text == "yes")
    target = true;
  else if (text == "false" || text == "0" || text == "f" || text == "no")
    target = false;
  else
    return wrong(quoted(text) + " is neither true nor false");
  return {};
}

Result<void> set_text(std::string& target, std::string_view text) {
  if (text.size() > kMaxName) return wrong(fmt::format("longer than {} bytes", kMaxName));
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return wrong("holds a control character");
  target = text;
  return {};
}

Result<void> set_duration(Duration& target, std::string_view text, Duration high) {
  const auto value = parse_moment(text, false);
  if (!value) return fail(value.error());
  if (*value < Duration::zero() || *value > high)
    return wrong(fmt::format("{} is not between 0 and {}", quoted(text), format_duration(high)));
  target = *value;
  return {};
}

Result<void> set_names(std::vector<std::string>& target, std::string_view text, std::size_t most) {
  target.clear();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ;"), text.size());
    if (end > 0) target.emplace_back(text.substr(0, end));
    if (target.size() > most) return wrong(fmt::format("more than {} names", most));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

/// Nothing if it is not about GPUs.
std::optional<Result<void>> set_gpu_value(GpuConstraints& gpu, std::string_view field, std::string_view text,
                                          const WorkloadLimits& limits) {
  if (field == "gpus") return set_integer(gpu.device_count, text, 0, limits.gpus);
  if (field == "gpu_vram") return set_bytes(gpu.vram, text, limits.bytes);
  if (field == "gpu_stack") return set_text(gpu.stack, text);
  if (field == "gpu_driver") return set_text(gpu.driver_version, text);
  if (field == "gpu_target") return set_names(gpu.hardware_target, text, kMaxTargets);
  return std::nullopt;
}

Result<void> set_value(WorkloadRow& row, std::string_view field, std::string_view text, const WorkloadLimits& limits) {
  WorkloadContainer& c = row.container;
  if (field == "name") return set_text(row.name, text);
  if (field == "image") return set_text(c.image, text);
  if (field == "parent") return set_text(row.parent, text);
  if (field == "run_time") return set_duration(c.run_time, text, limits.run_time);
  if (field == "vcpus") return set_integer(c.constraints.vcpus, text, 1, limits.vcpus);
  if (field == "ram") return set_bytes(c.constraints.ram, text, limits.bytes);
  if (field == "scratch") return set_bytes(c.scratch, text, limits.bytes);
  if (field == "priority") return set_integer(c.priority, text, 1, 1000);
  if (field == "preemptible") return set_flag(c.scheduling.preemptible, text);
  if (field == "supervisor") return set_flag(c.scheduling.supervisor, text);
  if (field == "after") return set_names(row.after, text, limits.links);
  if (auto set = set_gpu_value(c.constraints.gpu, field, text, limits)) return *set;
  if (field != "submit") return wrong("no such field; there are " + workload_field_names());
  const auto moment = parse_moment(text, true);
  if (!moment) return fail(moment.error());
  c.submit = *moment;
  return {};
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c < 0x7f ? c : '?';
  return "'" + out + (text.size() > 40 ? "…'" : "'");
}

std::string workload_field_names() {
  std::string names;
  for (const Field& field : kFields) names += (names.empty() ? "" : ", ") + std::string(field.name);
  return names;
}

bool is_workload_field(std::string_view field) {
  return std::any_of(kFields.begin(), kFields.end(), [&](const Field& known) { return known.name == field; });
}

bool is_required_workload_field(std::string_view field) {
  return std::any_of(kFields.begin(), kFields.end(),
                     [&](const Field& known) { return known.required && known.name == field; });
}

std::string missing_workload_field(const std::vector<std::string>& given) {
  for (const Field& field : kFields)
    if (field.required && std::find(given.begin(), given.end(), field.name) == given.end())
      return std::string(field.name);
  return {};
}

Result<Duration> parse_moment(std::string_view text, bool may_be_date) {
  double seconds = 0;
  if (read_number(text, seconds)) {
    if (std::isnan(seconds)) return wrong(quoted(text) + " is not a number");
    if (std::abs(seconds) > kMaxSeconds) return wrong(quoted(text) + " seconds are too many");
    return Duration(std::llround(seconds * 1e9));
  }
  if (const auto duration = parse_duration(text)) return *duration;
  if (!may_be_date) return wrong(quoted(text) + " is neither a number of seconds nor a duration such as 1h30m");
  if (const auto time = parse_time(text)) return time->time_since_epoch();
  return wrong(quoted(text) + " is neither a number of seconds, a duration such as 1h30m, nor an RFC 3339 time");
}

Result<void> set_workload_field(WorkloadRow& row, std::string_view field, std::string_view text,
                                const WorkloadLimits& limits) {
  if (text.empty()) return {};
  auto done = set_value(row, field, text, limits);
  if (!done) return fail(done.error().within(field));
  return {};
}

Result<WorkloadSource> link_rows(std::vector<WorkloadRow> rows, const WorkloadLimits& limits) {
  std::unordered_map<std::string, std::uint32_t> number;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string& name = rows[i].name;
    if (name.empty()) name = std::to_string(rows[i].line);
    number.emplace(name, static_cast<std::uint32_t>(i));
  }
  WorkloadSource source;
  std::size_t links = 0;
  for (WorkloadRow& row : rows) {
    for (const std::string& name : row.after) {
      const auto found = number.find(name);
      if (found == number.end())
        return wrong(fmt::format("{}: after: no container is called {}", row.line, quoted(name)));
      if (++links > limits.links)
        return wrong(fmt::format("{}: after: more than {} links in all", row.line, limits.links));
      row.container.after.push_back(found->second);
    }
    if (!row.parent.empty()) {
      const auto found = number.find(row.parent);
      if (found == number.end())
        return wrong(fmt::format("{}: parent: no container is called {}", row.line, quoted(row.parent)));
      row.container.parent = found->second;
    }
    if (auto done = complete_gpu_request(row.container.constraints.gpu); !done)
      return fail(done.error().within(std::to_string(row.line)));
    source.lines.push_back(row.line);
    source.names.push_back(std::move(row.name));
    source.containers.push_back(std::move(row.container));
  }
  return finish_workload(std::move(source), limits);
}

}  // namespace berth
