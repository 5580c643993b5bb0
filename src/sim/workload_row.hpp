#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workload_source.hpp"

namespace berth {

/// One line of a CSV or JSON-lines workload, field by field; links are still names.
struct WorkloadRow {
  std::size_t line = 0;
  std::string name;
  WorkloadContainer container;
  std::vector<std::string> after;
  std::string parent;
};

/// A text of the workload as a message shows it: not long, nothing that could be taken for something else.
std::string quoted(std::string_view text);
/// The names of all fields, for errors: `name, submit, …`.
std::string workload_field_names();
bool is_workload_field(std::string_view field);
bool is_required_workload_field(std::string_view field);
/// The first field that a container must have and `given` lacks; nothing if none.
std::string missing_workload_field(const std::vector<std::string>& given);
/// Sets one field from text; an empty text leaves the default. Errors: invalid, "FIELD: what is wrong".
Result<void> set_workload_field(WorkloadRow& row, std::string_view field, std::string_view text,
                                const WorkloadLimits& limits);
/// Seconds since any moment, as a number (`12.5`), a duration (`1h30m`) or, where `may_be_date`, an RFC 3339 time.
/// Errors: invalid.
Result<Duration> parse_moment(std::string_view text, bool may_be_date);

/// Turns names into links and finishes the workload. Errors: invalid, "LINE: FIELD: …".
Result<WorkloadSource> link_rows(std::vector<WorkloadRow> rows, const WorkloadLimits& limits);

}  // namespace berth
