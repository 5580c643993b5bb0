#include "input_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace berth {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

tl::unexpected<Error> failed(const std::string& path) {
  return fail(ErrorKind::failed, path + ": " + std::strerror(errno));
}

}  // namespace

Result<std::string> read_input_file(const std::string& path, std::size_t most) {
  const File file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return failed(path);
  std::string text;
  char chunk[1 << 16];
  while (const std::size_t count = std::fread(chunk, 1, sizeof chunk, file.get())) {
    text.append(chunk, count);
    if (text.size() > most) return fail(ErrorKind::exhausted, fmt::format("{}: larger than {} bytes", path, most));
  }
  if (std::ferror(file.get()) != 0) return failed(path);
  return text;
}

bool is_same_file(const std::string& one, const std::string& other) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(one, ignored)) return fs::is_regular_file(one, ignored) && fs::equivalent(one, other, ignored);
  const fs::path path = fs::weakly_canonical(fs::absolute(one, ignored), ignored);
  return !path.empty() && path == fs::weakly_canonical(fs::absolute(other, ignored), ignored);
}

Result<void> check_output_file(const std::string& path) {
  const File file(std::fopen(path.c_str(), "abe"), std::fclose);
  if (!file) return failed(path);
  return {};
}

Result<void> write_output_file(const std::string& path, std::string_view text) {
  File file(std::fopen(path.c_str(), "wbe"), std::fclose);
  if (!file) return failed(path);
  if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) return failed(path);
  if (std::fclose(file.release()) != 0) return failed(path);
  return {};
}

}  // namespace berth
