#pragma once

#include <string>
#include <string_view>

#include "workload_source.hpp"

namespace berth {

enum class WorkloadFormat {
  swf,         ///< Standard Workload Format (Parallel Workloads Archive, version 2.2)
  csv,         ///< comma-separated, RFC 4180, names of fields in the first line
  json_lines,  ///< one JSON object a line
};
/// `swf`, `csv`, `jsonl`.
Result<WorkloadFormat> parse_workload_format(std::string_view text);
/// By the end of the file's name: `.swf`, `.csv`, `.jsonl`, `.ndjson`. Errors: invalid.
Result<WorkloadFormat> workload_format_of(std::string_view path);

struct WorkloadOptions {
  std::int64_t ram_per_vcpu = std::int64_t{2} << 30;  ///< bytes; SWF alone: where a job says nothing of memory
  WorkloadLimits limits;
};

/// Reads workload text. Errors: invalid, "LINE: FIELD: what is wrong" (the fields of SWF are called as in its
/// definition). Never throws for bad input.
Result<WorkloadSource> read_swf(std::string_view text, const WorkloadOptions& options);
Result<WorkloadSource> read_csv(std::string_view text, const WorkloadOptions& options);
Result<WorkloadSource> read_json_lines(std::string_view text, const WorkloadOptions& options);
Result<WorkloadSource> read_workload_text(std::string_view text, WorkloadFormat format, const WorkloadOptions& options);

/// A workload from a file. Errors: failed if it cannot be read, invalid as above, both with the file's name.
Result<WorkloadSource> read_workload(const std::string& path, WorkloadFormat format, const WorkloadOptions& options);

}  // namespace berth
