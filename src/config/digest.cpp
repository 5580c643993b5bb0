#include "digest.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>

#include "berth/config/cluster.hpp"

namespace berth {
namespace config {
namespace {

std::string digest_hex(const EVP_MD* kind, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, kind, nullptr) != 1) {
    throw std::runtime_error("OpenSSL refuses to compute a digest");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace

std::string md5_hex(std::string_view text) {
  return digest_hex(EVP_md5(), text);
}
std::string sha256_hex(std::string_view text) {
  return digest_hex(EVP_sha256(), text);
}

}  // namespace config

std::string instance_set_id(std::string_view token) {
  constexpr std::string_view v2 = "v2/";
  if (!token.starts_with(v2)) return config::md5_hex(token);
  token.remove_prefix(v2.size());
  return std::string(token.substr(0, token.find('/')));
}

}  // namespace berth
