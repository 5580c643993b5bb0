#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "berth/base/log.hpp"

namespace berth {

namespace {
class StderrSink final : public LogSink {
 public:
  StderrSink() { sink_.set_pattern("%v"); }

  void write(const LogRecord& record) override {
    sink_.log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info,
                                       spdlog::string_view_t(record.line.data(), record.line.size())));
  }

 private:
  spdlog::sinks::stderr_sink_mt sink_;
};
}  // namespace

std::shared_ptr<LogSink> make_stderr_sink() {
  return std::make_shared<StderrSink>();
}

}  // namespace berth
