#include <algorithm>
#include <fmt/format.h>

#include "read_workload.hpp"
#include "workload_row.hpp"

namespace berth {
namespace {

tl::unexpected<Error> wrong(std::size_t line, std::string_view message) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", line, message));
}

/// Reads records of RFC 4180: fields in quotes may hold commas, line ends and doubled quotes.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::size_t most_bytes) : rest_(text), most_bytes_(most_bytes) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }
  /// The next record that is not empty; false at the end. Errors: invalid, "LINE: …".
  Result<bool> next(std::vector<std::string>& record) {
    do {
      if (rest_.empty()) return false;
      line_ = next_line_;
      if (auto done = read_record(record); !done) return fail(done.error());
    } while (record.size() == 1 && record[0].empty());
    return true;
  }
  std::size_t line() const { return line_; }  ///< where the last record begins, from 1

 private:
  Result<void> read_record(std::vector<std::string>& record) {
    record.clear();
    std::size_t bytes = 0;
    for (;;) {
      std::string field;
      if (auto done = rest_.starts_with('"') ? read_quoted(field) : read_plain(field); !done) return done;
      bytes += field.size() + 1;
      if (bytes > most_bytes_) return wrong(line_, fmt::format("longer than {} bytes", most_bytes_));
      record.push_back(std::move(field));
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        continue;
      }
      if (rest_.starts_with('\r')) rest_.remove_prefix(1);
      if (rest_.empty()) return {};
      if (!rest_.starts_with('\n')) return wrong(line_, fmt::format("field {}: text after the quote", record.size()));
      rest_.remove_prefix(1);
      ++next_line_;
      return {};
    }
  }
  Result<void> read_plain(std::string& field) {
    std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    const std::size_t after = end;
    if (end > 0 && rest_[end - 1] == '\r' && (after == rest_.size() || rest_[after] == '\n')) --end;
    field = rest_.substr(0, end);
    rest_.remove_prefix(after);
    return {};
  }
  Result<void> read_quoted(std::string& field) {
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return wrong(line_, "a quote that begins in this record does not end");
      field += rest_.substr(0, quote);
      if (field.size() > most_bytes_) return wrong(line_, fmt::format("longer than {} bytes", most_bytes_));
      next_line_ += static_cast<std::size_t>(std::count(rest_.begin(), rest_.begin() + quote, '\n'));
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) return {};
      field += '"';
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
  const std::size_t most_bytes_;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

Result<void> check_header(const std::vector<std::string>& header, std::size_t line) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (!is_workload_field(header[i]))
      return wrong(line, fmt::format("column {}, {}: no such field; there are {}; the first line names the columns",
                                     i + 1, quoted(header[i]), workload_field_names()));
    if (std::find(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(i), header[i]) !=
        header.begin() + static_cast<std::ptrdiff_t>(i))
      return wrong(line, header[i] + ": this column is there twice");
  }
  if (const std::string missing = missing_workload_field(header); !missing.empty())
    return wrong(line, missing + ": this column is missing; the first line names the columns");
  return {};
}

Result<WorkloadRow> read_row(const std::vector<std::string>& header, const std::vector<std::string>& record,
                             std::size_t line, const WorkloadLimits& limits) {
  if (record.size() != header.size())
    return wrong(line, fmt::format("{} fields, {} expected", record.size(), header.size()));
  WorkloadRow row;
  row.line = line;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (record[i].empty() && is_required_workload_field(header[i])) return wrong(line, header[i] + ": is empty");
    if (auto set = set_workload_field(row, header[i], record[i], limits); !set)
      return fail(set.error().within(std::to_string(line)));
  }
  return row;
}

}  // namespace

Result<WorkloadSource> read_csv(std::string_view text, const WorkloadOptions& options) {
  CsvReader reader(text, options.limits.line_bytes);
  std::vector<std::string> header;
  std::vector<std::string> record;
  const auto first = reader.next(header);
  if (!first) return fail(first.error());
  if (!*first) return fail(ErrorKind::invalid, "is empty; the first line names the columns");
  if (auto checked = check_header(header, reader.line()); !checked) return fail(checked.error());
  std::vector<WorkloadRow> rows;
  for (;;) {
    const auto more = reader.next(record);
    if (!more) return fail(more.error());
    if (!*more) break;
    if (rows.size() == options.limits.containers)
      return wrong(reader.line(), fmt::format("more than {} containers", options.limits.containers));
    auto row = read_row(header, record, reader.line(), options.limits);
    if (!row) return fail(row.error());
    rows.push_back(std::move(*row));
  }
  return link_rows(std::move(rows), options.limits);
}

}  // namespace berth
