#include <cctype>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION  // every entry would come from this file
#include <systemd/sd-journal.h>

#include "berth/base/log.hpp"

namespace berth {
namespace {

int syslog_priority(LogLevel level) {
  switch (level) {
    case LogLevel::panic:
      return LOG_ALERT;
    case LogLevel::fatal:
      return LOG_CRIT;
    case LogLevel::error:
      return LOG_ERR;
    case LogLevel::warn:
      return LOG_WARNING;
    case LogLevel::info:
      return LOG_INFO;
    case LogLevel::debug:
    case LogLevel::trace:
      break;
  }
  return LOG_DEBUG;
}

class JournalSink final : public LogSink {
 public:
  explicit JournalSink(std::string identifier)
      : identifier_("SYSLOG_IDENTIFIER=" + std::move(identifier)), fallback_(make_stderr_sink()) {}

  void write(const LogRecord& record) override {
    std::vector<std::string> entry;
    entry.reserve(record.fields.size() + 4);
    entry.push_back("MESSAGE=" + std::string(record.line));
    entry.push_back(fmt::format("PRIORITY={}", syslog_priority(record.level)));
    entry.push_back(identifier_);
    entry.push_back("BERTH_EVENT=" + std::string(record.event));
    for (const RenderedField& field : record.fields) entry.push_back(journal_field_name(field.key) + '=' + field.value);
    std::vector<iovec> parts;
    parts.reserve(entry.size());
    for (std::string& part : entry) parts.push_back({part.data(), part.size()});
    if (::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) fallback_->write(record);
  }

 private:
  const std::string identifier_;
  const std::shared_ptr<LogSink> fallback_;
};

bool is_lower(char c) {
  return std::islower(static_cast<unsigned char>(c)) != 0;
}
bool is_upper(char c) {
  return std::isupper(static_cast<unsigned char>(c)) != 0;
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace

std::string journal_field_name(std::string_view key) {
  constexpr std::size_t longest = 64;  // systemd refuses longer names
  std::string name = "BERTH_";
  for (std::size_t i = 0; i < key.size() && name.size() < longest; ++i) {
    const char c = key[i];
    const bool starts_word =
        i > 0 && is_upper(c) &&
        (is_lower(key[i - 1]) || (is_upper(key[i - 1]) && i + 1 < key.size() && is_lower(key[i + 1])));
    if (starts_word) name += '_';
    name += std::isalnum(static_cast<unsigned char>(c)) != 0
                ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                : '_';
  }
  name.resize(std::min(name.size(), longest));
  return name;
}

std::shared_ptr<LogSink> make_journal_sink(std::string identifier) {
  return std::make_shared<JournalSink>(std::move(identifier));
}

std::shared_ptr<LogSink> make_log_sink(std::string identifier) {
  return stderr_is_journal() ? make_journal_sink(std::move(identifier)) : make_stderr_sink();
}

}  // namespace berth
