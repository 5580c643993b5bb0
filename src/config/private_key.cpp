#include "berth/config/private_key.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace berth {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::size_t kMaxKeyBytes = 1 << 20;

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxKeyBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.gcount() == 0 && errno != 0))
    return fail(ErrorKind::failed, path + ": " + std::strerror(errno ? errno : EIO));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxKeyBytes) return fail(ErrorKind::invalid, path + ": too large for a private key");
  return text;
}

}  // namespace

Result<std::string> read_private_key(std::string_view value) {
  if (value.empty()) return std::string();
  const bool is_file = value.starts_with(kFileScheme) && value.substr(kFileScheme.size()).starts_with('/');
  const std::string path(is_file ? value.substr(kFileScheme.size()) : std::string_view());
  auto text = is_file ? read_file(path) : Result<std::string>(std::string(value));
  if (!text) return text;
  if (text->find("-----BEGIN ") == std::string::npos)
    return fail(ErrorKind::invalid, (is_file ? path : "the inline text") + ": not a PEM private key");
  return text;
}

}  // namespace berth
