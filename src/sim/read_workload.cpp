#include "read_workload.hpp"

#include "input_file.hpp"

namespace berth {

Result<WorkloadFormat> parse_workload_format(std::string_view text) {
  if (text == "swf") return WorkloadFormat::swf;
  if (text == "csv") return WorkloadFormat::csv;
  if (text == "jsonl") return WorkloadFormat::json_lines;
  return fail(ErrorKind::invalid, "a workload is swf, csv or jsonl");
}

Result<WorkloadFormat> workload_format_of(std::string_view path) {
  if (path.ends_with(".swf")) return WorkloadFormat::swf;
  if (path.ends_with(".csv")) return WorkloadFormat::csv;
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) return WorkloadFormat::json_lines;
  return fail(ErrorKind::invalid,
              std::string(path) + ": its name ends in none of .swf, .csv, .jsonl: say which it is with --format");
}

Result<WorkloadSource> read_workload_text(std::string_view text, WorkloadFormat format,
                                          const WorkloadOptions& options) {
  switch (format) {
    case WorkloadFormat::swf:
      return read_swf(text, options);
    case WorkloadFormat::csv:
      return read_csv(text, options);
    case WorkloadFormat::json_lines:
      return read_json_lines(text, options);
  }
  return fail(ErrorKind::internal, "unknown format");
}

Result<WorkloadSource> read_workload(const std::string& path, WorkloadFormat format, const WorkloadOptions& options) {
  const auto text = read_input_file(path, options.limits.file_bytes);
  if (!text) return fail(text.error());
  auto workload = read_workload_text(*text, format, options);
  // `FILE:LINE: …` where there is a line, `FILE: …` where there is none.
  if (!workload) {
    const bool has_line =
        !workload.error().message.empty() && workload.error().message[0] >= '0' && workload.error().message[0] <= '9';
    Error error = workload.error();
    error.message = path + (has_line ? ":" : ": ") + error.message;
    return fail(std::move(error));
  }
  workload->name = path;
  return workload;
}

}  // namespace berth
