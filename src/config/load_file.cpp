#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "berth/config/load.hpp"

#include "yaml_tree.hpp"

namespace berth {
namespace {

struct Source {
  std::string text;
  WallTime modified{};
};

/// Reads to the end, or one byte past the limit that the parser complains about.
Result<std::string> read_all(int fd) {
  const std::size_t limit = config::YamlLimits{}.text_bytes + 1;
  std::string text;
  char chunk[1 << 16];
  while (text.size() < limit) {
    const ssize_t count = ::read(fd, chunk, std::min(sizeof chunk, limit - text.size()));
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorKind::failed, std::strerror(errno));
    text.append(chunk, static_cast<std::size_t>(count));
  }
  return text;
}

Result<Source> read_source(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(ErrorKind::failed, std::strerror(errno));
  auto text = read_all(fd);
  if (!text) return fail(text.error());
  const auto modified = std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return Source{std::move(*text), WallTime(modified)};
}

LoadedConfig unreadable(const std::string& name, const std::string& reason) {
  LoadedConfig loaded;
  loaded.file = name;
  loaded.cluster.document = std::make_shared<const nlohmann::json>(nlohmann::json::object());
  loaded.cluster.containers.cloud_vms.driver_parameters = loaded.cluster.document;
  loaded.diagnostics.push_back({Severity::error, name, 0, 0, "", "cannot be read: " + reason});
  return loaded;
}

}  // namespace

LoadedConfig load_config_file(const std::string& path, const ApiEnvironment& environment) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "standard input" : path;
  const int fd = is_stdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unreadable(name, std::strerror(errno));
  const Result<Source> source = read_source(fd);
  if (!is_stdin) ::close(fd);
  if (!source) return unreadable(name, source.error().message);
  LoadedConfig loaded = load_config_text(source->text, name, environment);
  loaded.source_modified = source->modified;
  return loaded;
}

}  // namespace berth
