#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
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

/// Where finished lines go; one call per line, thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view line) = 0;
};
/// Lines on stderr.
std::shared_ptr<LogSink> make_stderr_sink();

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
