#include "berth/standalone/installation.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>
#include <unistd.h>

#include "certificate.hpp"
#include "system_error.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;
using EnvFile = std::map<std::string, std::string>;

std::string random_token(Runtime& runtime) {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::size_t fair = 256 / letters.size() * letters.size();  // a byte beyond would favour some letters
  std::string token;
  while (token.size() < 50) {
    std::array<unsigned char, 64> bytes{};
    runtime.secret_bytes(bytes.data(), bytes.size());
    for (const unsigned char byte : bytes)
      if (byte < fair && token.size() < 50) token += letters[byte % letters.size()];
  }
  return token;
}

/// Written aside and renamed, so that a crash leaves the old file or the new one.
Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string aside = path + ".new";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return system_error(ErrorKind::failed, aside);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) return system_error(ErrorKind::failed, path);
  return {};
}

Result<void> make_private_dir(const std::string& dir) {
  std::error_code ec;
  fs::create_directories(fs::path(dir).parent_path(), ec);
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) return system_error(ErrorKind::failed, dir);
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return system_error(ErrorKind::failed, dir);
  if (!S_ISDIR(info.st_mode)) return fail(ErrorKind::failed, dir + ": not a directory");
  if (::access(dir.c_str(), W_OK | X_OK) != 0) return system_error(ErrorKind::failed, dir);
  return {};
}

EnvFile read_env_file(const std::string& path) {
  EnvFile values;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  return values;
}

bool is_token(const std::string& text) {
  return text.size() >= 32 &&
         text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
}

std::string tokens_text(const Installation& installation) {
  return "ARVADOS_API_TOKEN=" + installation.root_token + "\nBERTH_TOKEN=" + installation.management_token + '\n';
}

std::string env_text(const Installation& installation, const std::string& address) {
  const std::string url = "http://" + address;
  return "ARVADOS_API_HOST=" + address + "\nARVADOS_API_HOST_INSECURE=1\nARVADOS_API_TOKEN=" + installation.root_token +
         "\nBERTH_API_URL=" + url + "\nBERTH_URL=" + url + "\nBERTH_TOKEN=" + installation.management_token + '\n';
}

std::int64_t rounded_down(std::int64_t bytes) {
  constexpr std::int64_t step = std::int64_t{1} << 30;
  return bytes < step ? bytes : bytes / step * step;
}

}  // namespace

Result<void> make_data_dir(const std::string& data_dir) {
  return make_private_dir(data_dir);
}

Result<Installation> open_installation(Runtime& runtime, const std::string& data_dir) {
  for (const std::string& dir : {data_dir + "/tls", data_dir + "/instances"})
    if (auto made = make_private_dir(dir); !made) return fail(made.error());
  Installation installation;
  installation.data_dir = data_dir;
  installation.tls_certificate = data_dir + "/tls/certificate.pem";
  installation.tls_key = data_dir + "/tls/key.pem";
  const std::string tokens_path = data_dir + "/tokens";
  std::error_code ec;
  const EnvFile known = read_env_file(fs::exists(tokens_path, ec) ? tokens_path : data_dir + "/env");
  const auto token = [&](const char* name) {
    const auto at = known.find(name);
    return at != known.end() && is_token(at->second) ? at->second : random_token(runtime);
  };
  installation.root_token = token("ARVADOS_API_TOKEN");
  installation.management_token = token("BERTH_TOKEN");
  // Tokens are on disk before anything is marked with them; `env` is written when there is something to dial.
  if (auto written = replace_file(tokens_path, tokens_text(installation)); !written) return fail(written.error());
  if (!fs::exists(installation.tls_certificate, ec) || !fs::exists(installation.tls_key, ec))
    if (auto made = write_self_signed_certificate(installation.tls_certificate, installation.tls_key); !made)
      return fail(made.error());
  return installation;
}

Result<void> write_env_file(const Installation& installation, const std::string& address) {
  return replace_file(installation.data_dir + "/env", env_text(installation, address));
}

Machine this_machine(const std::string& dir) {
  Machine machine;
  machine.vcpus = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  machine.ram = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  struct statvfs disk {};
  if (::statvfs(dir.c_str(), &disk) == 0)
    machine.scratch = rounded_down(static_cast<std::int64_t>(disk.f_blocks) * static_cast<std::int64_t>(disk.f_frsize));
  return machine;
}

}  // namespace berth
