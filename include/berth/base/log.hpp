#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "berth/base/result.hpp"

namespace berth {

enum class LogLevel { panic, fatal, error, warn, info, debug, trace };
enum class LogFormat { json, text };

/// `panic,fatal,error,warn,info,debug,trace` (facts §1.3); `warning` is accepted.
Result<LogLevel> parse_log_level(std::string_view text);
/// `json`, `text`, `plain`.
Result<LogFormat> parse_log_format(std::string_view text);

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key(k), value(static_cast<std::int64_t>(v)) {}
};
using LogFields = std::initializer_list<LogField>;

/// A field of a finished line, for sinks that keep fields apart.
struct RenderedField {
  std::string key;    ///< as in the line
  std::string shown;  ///< as in the line, quotes and escapes included
  std::string value;  ///< plain, as given; may hold any byte
};
/// A finished line, with what it was made of.
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string_view event;
  std::string_view line;  ///< without a line end
  std::span<const RenderedField> fields;
};
/// Where finished lines go; one call per line, thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) = 0;
};
/// Lines on stderr.
std::shared_ptr<LogSink> make_stderr_sink();
/// Entries of the journal: MESSAGE is the line, exactly as on stderr; PRIORITY, and the fields once more as fields of
/// the entry, named by `journal_field_name` (systemd.journal-fields(7)). A line that the journal refuses goes to
/// stderr.
std::shared_ptr<LogSink> make_journal_sink(std::string identifier);
/// `ContainerUUID` → `BERTH_CONTAINER_UUID`, `reqPath` → `BERTH_REQ_PATH`; other characters become `_`.
std::string journal_field_name(std::string_view key);
/// The journal where stderr leads to it (`$JOURNAL_STREAM` names its device and inode, systemd.exec(5)), else stderr.
std::shared_ptr<LogSink> make_log_sink(std::string identifier);

/// A structured log: an event sentence and key-value fields, one line each (facts §1.6: keys `level`, `msg`, `time`,
/// `PID`, then `ContainerUUID`, `Instance`, …). Cheap to copy; copies share the sink. Thread-safe. Values are escaped;
/// control characters never reach the sink raw.
class Logger {
 public:
  /// A log that drops everything.
  Logger();
  Logger(std::shared_ptr<LogSink> sink, LogLevel level, LogFormat format);
  /// A logger that adds these fields to every line.
  Logger with(LogFields fields) const;

  bool enabled(LogLevel level) const;
  void log(LogLevel level, std::string_view event, LogFields fields = {}) const;
  void error(std::string_view event, LogFields fields = {}) const { log(LogLevel::error, event, fields); }
  void warn(std::string_view event, LogFields fields = {}) const { log(LogLevel::warn, event, fields); }
  void info(std::string_view event, LogFields fields = {}) const { log(LogLevel::info, event, fields); }
  void debug(std::string_view event, LogFields fields = {}) const { log(LogLevel::debug, event, fields); }

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace berth
