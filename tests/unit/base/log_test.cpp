#include "berth/base/log.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <regex>
#include <thread>
#include <unistd.h>

#include "json_text.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(JsonText, Escapes) {
  const std::string replacement = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"plain", "plain"},
      {"", ""},
      {"a\"b\\c", R"(a\"b\\c)"},
      {"a\nb\tc\rd", R"(a\nb\tc\u000dd)"},
      {std::string("a\0b", 3), R"(a\u0000b)"},
      {"\x1b[31m", R"(\u001b[31m)"},
      {"\x7f", R"(\u007f)"},
      {"\xC2\x9B", R"(\u009b)"},      // C1: terminals take it for ESC [
      {"\xE2\x80\xA8", R"(\u2028)"},  // line separator
      {"gr\u00FC\u00DFe \u20AC \U0001F600", "gr\u00FC\u00DFe \u20AC \U0001F600"},
      {"\xFF", replacement},
      {"a\xC3", "a" + replacement},                                                 // cut off
      {"\xC3(", replacement + "("},                                                 // continuation missing
      {"\xC0\xAF", replacement + replacement},                                      // overlong
      {"\xE0\x80\x80", replacement + replacement + replacement},                    // overlong
      {"\xED\xA0\x80", replacement + replacement + replacement},                    // surrogate
      {"\xF4\x90\x80\x80", replacement + replacement + replacement + replacement},  // above U+10FFFF
      {"\x80", replacement},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(escaped(text), expected);
}

TEST(JsonText, NoByteReachesTheSinkRaw) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
      for (const char c : escaped(std::string_view(bytes, 2))) {
        ASSERT_FALSE((c >= 0 && c < 0x20) || c == 0x7f) << first << ' ' << second;
      }
    }
  }
}

/// The line with the time and the process id, which change, taken out.
std::string normal(std::string line) {
  line = std::regex_replace(line, std::regex("\"time\":\"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z\""), "TIME");
  line = std::regex_replace(line, std::regex("time=\"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z\""), "TIME");
  return std::regex_replace(line, std::regex("\\b" + std::to_string(::getpid()) + "\\b"), "SELF");
}

TEST(Logger, Json) {
  auto sink = make_line_sink();
  const Logger log = sink->log(LogLevel::info).with({{"ClusterID", "zzzzz"}, {"Instance", "i-1"}});
  log.warn("some \"event\"", {{"n", -7}, {"x", 0.5}, {"ok", true}, {"who", std::string("me\n")}, {"Instance", "i-2"}});
  log.debug("not shown");
  ASSERT_EQ(sink->lines().size(), 1u);
  EXPECT_EQ(normal(sink->lines()[0]),
            R"({"level":"warning","msg":"some \"event\"",TIME,"PID":SELF,"ClusterID":"zzzzz","Instance":"i-2",)"
            R"("n":-7,"x":0.5,"ok":true,"who":"me\n"})");
}

TEST(Logger, JsonOddFields) {
  auto sink = make_line_sink();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  sink->log().info("e", {{"msg", "m"}, {"a\"b", 1}, {"nan", nan}, {"big", std::int64_t{1} << 60}, {"big", 2}});
  EXPECT_EQ(normal(sink->lines().at(0)),
            R"({"level":"info","msg":"e",TIME,"PID":SELF,"fields.msg":"m","a\"b":1,"nan":"NaN","big":2})");
}

TEST(Logger, Text) {
  auto sink = make_line_sink();
  sink->log(LogLevel::trace, LogFormat::text)
      .with({{"ClusterID", "zzzzz"}})
      .error("it broke", {{"error", "a=b \x1b[2J"}, {"path", "/a/b.c"}, {"empty", ""}, {"n", 3}, {"odd key", 1}});
  EXPECT_EQ(
      normal(sink->lines().at(0)),
      R"(TIME level=error msg="it broke" PID=SELF ClusterID=zzzzz error="a=b \u001b[2J" path=/a/b.c empty="" n=3 )"
      R"("odd key"=1)");
}

TEST(Logger, Levels) {
  for (const LogLevel limit : {LogLevel::panic, LogLevel::error, LogLevel::info, LogLevel::trace}) {
    for (const LogLevel level : {LogLevel::panic, LogLevel::fatal, LogLevel::error, LogLevel::warn, LogLevel::info,
                                 LogLevel::debug, LogLevel::trace}) {
      auto sink = make_line_sink();
      const Logger log = sink->log(limit);
      log.log(level, "x");
      EXPECT_EQ(log.enabled(level), level <= limit);
      EXPECT_EQ(sink->lines().size(), level <= limit ? 1u : 0u);
    }
  }
  EXPECT_FALSE(Logger().enabled(LogLevel::panic));
  Logger().with({{"a", 1}}).error("dropped");
}

TEST(Logger, ManyThreads) {
  auto sink = make_line_sink();
  const Logger log = sink->log();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([log] {
        for (int i = 0; i < 200; ++i) log.info("line", {{"i", i}});
      });
    }
  }
  EXPECT_EQ(sink->lines().size(), 800u);
}

TEST(Logger, StderrSinkWritesOneLine) {
  testing::internal::CaptureStderr();
  make_stderr_sink()->write({LogLevel::info, "", "hello %v {}", {}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hello %v {}\n");
}

TEST(ParseLog, LevelsAndFormats) {
  const std::pair<const char*, LogLevel> levels[] = {
      {"panic", LogLevel::panic},  {"fatal", LogLevel::fatal}, {"error", LogLevel::error}, {"warn", LogLevel::warn},
      {"warning", LogLevel::warn}, {"info", LogLevel::info},   {"debug", LogLevel::debug}, {"trace", LogLevel::trace}};
  for (const auto& [text, level] : levels) EXPECT_EQ(*parse_log_level(text), level);
  for (const char* text : {"", "Info", "verbose"}) EXPECT_FALSE(parse_log_level(text)) << text;
  EXPECT_EQ(*parse_log_format("json"), LogFormat::json);
  EXPECT_EQ(*parse_log_format("text"), LogFormat::text);
  EXPECT_EQ(*parse_log_format("plain"), LogFormat::text);
  EXPECT_FALSE(parse_log_format("xml"));
}

TEST(Log, JournalFieldNames) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"ContainerUUID", "BERTH_CONTAINER_UUID"},
      {"Instance", "BERTH_INSTANCE"},
      {"InstanceType", "BERTH_INSTANCE_TYPE"},
      {"error", "BERTH_ERROR"},
      {"reqPath", "BERTH_REQ_PATH"},
      {"RequestID", "BERTH_REQUEST_ID"},
      {"fields.level", "BERTH_FIELDS_LEVEL"},
      {"a b=c", "BERTH_A_B_C"},
      {"HTTPCode", "BERTH_HTTP_CODE"},
      {"", "BERTH_"},
  };
  for (const auto& [key, name] : cases) EXPECT_EQ(journal_field_name(key), name);
  EXPECT_EQ(journal_field_name(std::string(100, 'x')).size(), 64u);
}

/// Keeps what a sink is given beside the line.
class FieldSink final : public LogSink {
 public:
  void write(const LogRecord& record) override {
    event = record.event;
    fields.assign(record.fields.begin(), record.fields.end());
  }
  std::string event;
  std::vector<RenderedField> fields;
};

TEST(Log, SinksGetTheFieldsPlainToo) {
  const auto sink = std::make_shared<FieldSink>();
  const Logger log = Logger(sink, LogLevel::info, LogFormat::json).with({{"Instance", "i-1"}, {"Address", "old"}});
  log.info("worker \"ready\"", {{"Address", "line\nend"}, {"Priority", 7}});
  EXPECT_EQ(sink->event, "worker \"ready\"");
  ASSERT_EQ(sink->fields.size(), 3u);
  EXPECT_EQ(sink->fields[0].value, "i-1");
  EXPECT_EQ(sink->fields[0].shown, "\"i-1\"");
  EXPECT_EQ(sink->fields[1].value, "line\nend");
  EXPECT_EQ(sink->fields[1].shown, "\"line\\nend\"");
  EXPECT_EQ(sink->fields[2].value, "7");
}

}  // namespace
}  // namespace berth
