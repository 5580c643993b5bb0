#include "berth/base/log.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <unistd.h>
#include <utility>

#include "berth/base/units.hpp"

#include "json_text.hpp"

namespace berth {

namespace {
struct LevelName {
  LogLevel level;
  std::string_view name;
};
// As log processors know them; `warn` is what the configuration calls `warning`.
constexpr std::array level_names = {
    LevelName{LogLevel::panic, "panic"},  LevelName{LogLevel::fatal, "fatal"}, LevelName{LogLevel::error, "error"},
    LevelName{LogLevel::warn, "warning"}, LevelName{LogLevel::info, "info"},   LevelName{LogLevel::debug, "debug"},
    LevelName{LogLevel::trace, "trace"},
};

std::string_view name_of(LogLevel level) {
  return level_names[static_cast<std::size_t>(level)].name;
}

/// Whether logfmt shows `text` without quotes.
bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._/@^+:").find(c) != std::string_view::npos;
  });
}

void append_string(std::string& out, std::string_view text, LogFormat format) {
  if (format == LogFormat::text && is_plain_word(text)) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

std::string plain_value(const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return std::string(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) return fmt::to_string(*integer);
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? "true" : "false";
  std::string out;
  append_json_number(out, std::get<double>(field.value));
  return out;
}

/// Keys of every line; a field of such a name is shown as `fields.NAME`.
bool is_reserved(std::string_view key) {
  return key == "level" || key == "msg" || key == "time" || key == "PID";
}

RenderedField render(const LogField& field, LogFormat format) {
  std::string key = is_reserved(field.key) ? "fields." : "";
  if (format == LogFormat::text && !is_plain_word(field.key)) {
    append_json_string(key, field.key);
  } else if (format == LogFormat::text) {
    key += field.key;
  } else {
    append_escaped(key, field.key);
  }
  RenderedField rendered{std::move(key), "", plain_value(field)};
  if (std::holds_alternative<std::string_view>(field.value)) {
    append_string(rendered.shown, rendered.value, format);
  } else {
    rendered.shown = rendered.value;
  }
  return rendered;
}

void set_field(std::vector<RenderedField>& fields, RenderedField field) {
  const auto same = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == field.key; });
  if (same != fields.end()) {
    *same = std::move(field);
  } else {
    fields.push_back(std::move(field));
  }
}

void append_json_line(std::string& out, LogLevel level, std::string_view event, const std::string& time) {
  fmt::format_to(std::back_inserter(out), R"({{"level":"{}","msg":)", name_of(level));
  append_json_string(out, event);
  fmt::format_to(std::back_inserter(out), R"(,"time":"{}","PID":{})", time, ::getpid());
}

void append_text_line(std::string& out, LogLevel level, std::string_view event, const std::string& time) {
  fmt::format_to(std::back_inserter(out), "time=\"{}\" level={} msg=", time, name_of(level));
  append_string(out, event, LogFormat::text);
  fmt::format_to(std::back_inserter(out), " PID={}", ::getpid());
}
}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "warn") return LogLevel::warn;
  for (const LevelName& known : level_names) {
    if (known.name == text) return known.level;
  }
  return fail(ErrorKind::invalid,
              "log level \"" + std::string(text) + "\" is none of panic, fatal, error, warn, info, debug, trace");
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "json") return LogFormat::json;
  if (text == "text" || text == "plain") return LogFormat::text;
  return fail(ErrorKind::invalid, "log format \"" + std::string(text) + "\" is none of json, text, plain");
}

struct Logger::State {
  std::shared_ptr<LogSink> sink;  // nothing: drop everything
  LogLevel level = LogLevel::panic;
  LogFormat format = LogFormat::json;
  std::vector<RenderedField> fields;
};

Logger::Logger() : state_(std::make_shared<State>()) {}

Logger::Logger(std::shared_ptr<LogSink> sink, LogLevel level, LogFormat format)
    : state_(std::make_shared<State>(State{std::move(sink), level, format, {}})) {}

Logger Logger::with(LogFields fields) const {
  if (!state_->sink) return *this;
  State extended = *state_;
  for (const LogField& field : fields) set_field(extended.fields, render(field, extended.format));
  Logger child;
  child.state_ = std::make_shared<State>(std::move(extended));
  return child;
}

bool Logger::enabled(LogLevel level) const {
  return state_->sink && level <= state_->level;
}

void Logger::log(LogLevel level, std::string_view event, LogFields fields) const {
  if (!enabled(level)) return;
  std::vector<RenderedField> all = state_->fields;
  for (const LogField& field : fields) set_field(all, render(field, state_->format));
  const bool json = state_->format == LogFormat::json;
  const std::string time = format_time(std::chrono::system_clock::now());
  std::string line;
  json ? append_json_line(line, level, event, time) : append_text_line(line, level, event, time);
  for (const RenderedField& field : all) {
    json ? fmt::format_to(std::back_inserter(line), R"(,"{}":{})", field.key, field.shown)
         : fmt::format_to(std::back_inserter(line), " {}={}", field.key, field.shown);
  }
  if (json) line += '}';
  state_->sink->write({level, event, line, all});
}

}  // namespace berth
