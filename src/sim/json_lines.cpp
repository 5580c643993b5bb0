#include <fmt/format.h>
#include <set>

#include <nlohmann/json.hpp>

#include "berth/arvados/records.hpp"

#include "lines.hpp"
#include "read_workload.hpp"
#include "workload_row.hpp"

namespace berth {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxValues = 20'000;  // of one line

/// One value as CSV would have it.
Result<std::string> text_of(const json& value) {
  if (value.is_null()) return std::string();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return fail(ErrorKind::invalid, "is neither text, a number, true, false nor null");
}

/// The first field that is there twice; empty: none is.
std::string repeated_field(std::string_view object) {
  std::set<std::string> seen;
  std::string repeated;
  const auto look = [&](int depth, json::parse_event_t event, json& key) {
    if (event == json::parse_event_t::key && depth == 1 && repeated.empty() && !seen.insert(key).second) repeated = key;
    return true;
  };
  const json read = json::parse(object, look, false);
  return repeated;
}

Result<void> set_names(std::vector<std::string>& target, const std::string& field, const json& value) {
  target.clear();
  for (const json& name : value) {
    const auto text = text_of(name);
    if (!text || text->empty()) return fail(ErrorKind::invalid, field + ": is not a list of names");
    target.push_back(*text);
  }
  return {};
}

Result<WorkloadRow> read_row(const json& object, const WorkloadLimits& limits) {
  if (!object.is_object()) return fail(ErrorKind::invalid, "is not a JSON object");
  WorkloadRow row;
  std::vector<std::string> given;
  for (const auto& [field, value] : object.items()) {
    if (!is_workload_field(field))
      return fail(ErrorKind::invalid, json(field).dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 80) +
                                          ": no such field; there are " + workload_field_names());
    if (value.is_array() && (field == "after" || field == "gpu_target")) {
      auto& names = field == "after" ? row.after : row.container.constraints.gpu.hardware_target;
      if (auto set = set_names(names, field, value); !set) return fail(set.error());
      continue;
    }
    const auto text = text_of(value);
    if (!text) return fail(text.error().within(field));
    if (!text->empty()) given.push_back(field);
    if (auto set = set_workload_field(row, field, *text, limits); !set) return fail(set.error());
  }
  if (const std::string missing = missing_workload_field(given); !missing.empty())
    return fail(ErrorKind::invalid, missing + ": is missing");
  return row;
}

}  // namespace

Result<WorkloadSource> read_json_lines(std::string_view text, const WorkloadOptions& options) {
  std::vector<WorkloadRow> rows;
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    const std::string where = std::to_string(lines.number());
    const auto invalid = [&](std::string message) {
      return fail(ErrorKind::invalid, where + ": " + std::move(message));
    };
    if (line.size() > options.limits.line_bytes)
      return invalid(fmt::format("longer than {} bytes", options.limits.line_bytes));
    if (rows.size() == options.limits.containers)
      return invalid(fmt::format("more than {} containers", options.limits.containers));
    const auto object = parse_json(line, kMaxValues);
    if (!object) return invalid(object.error().message);
    auto row = read_row(*object, options.limits);
    if (!row) return invalid(row.error().message);
    if (const std::string field = repeated_field(line); !field.empty()) return invalid(field + ": is there twice");
    row->line = lines.number();
    rows.push_back(std::move(*row));
  }
  return link_rows(std::move(rows), options.limits);
}

}  // namespace berth
