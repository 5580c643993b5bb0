#include "runner_source.hpp"

#include <cerrno>
#include <fstream>
#include <openssl/evp.h>
#include <sstream>
#include <system_error>

#include "berth/base/shell.hpp"

#include "commands.hpp"

namespace berth {
namespace {

std::string md5_hex(const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), digest, &size, EVP_md5(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

}  // namespace

Result<RunnerSource> read_runner(const std::string& binary_path, const std::string& deploy_directory) {
  std::ifstream file(binary_path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  std::string data = std::move(content).str();
  if (!file.is_open() || data.empty())
    return fail(ErrorKind::failed, "runner binary " + binary_path + " cannot be read" +
                                       (file.is_open() ? "" : ": " + std::generic_category().message(errno)));
  RunnerSource runner;
  runner.md5 = md5_hex(data);
  if (runner.md5.empty()) return fail(ErrorKind::failed, "this machine's OpenSSL refuses MD5");
  runner.path = deployed_path(deploy_directory, runner.md5);
  runner.command = shell_word(runner.path);
  runner.binary = std::make_shared<const std::string>(std::move(data));
  return runner;
}

}  // namespace berth
