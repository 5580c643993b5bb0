#include "berth/config/private_key.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <vector>

namespace berth {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::size_t kMaxKeyBytes = 1 << 20;
constexpr std::string_view kOpenSshBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kOpenSshEnd = "-----END OPENSSH PRIVATE KEY-----";

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

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// Why a key in one of OpenSSL's forms is of no use; nullptr if it is.
const char* fault_of_pem(const std::string& text) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  bool asked = false;
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked), EVP_PKEY_free);
  if (asked) return "it needs a passphrase: write it without one";
  if (!key) return "not a complete PEM private key";
  const std::array good{EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_DSA};
  const int type = EVP_PKEY_base_id(key.get());
  return std::find(good.begin(), good.end(), type) != good.end() ? nullptr : "neither RSA nor ECDSA, Ed25519 or DSA";
}

/// The bytes of the base64 text; empty if it is not.
std::string decode_base64(std::string text) {
  std::erase_if(text, [](unsigned char c) { return c <= ' '; });
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return bytes;
}

/// Takes a string with its length before it, as SSH writes them.
bool take_string(std::string_view& bytes, std::string_view& out) {
  if (bytes.size() < 4) return false;
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  if (bytes.size() - 4 < size) return false;
  out = bytes.substr(4, size);
  bytes.remove_prefix(4 + size);
  return true;
}

/// The same for OpenSSH's own form (PROTOCOL.key of OpenSSH), which OpenSSL does not read.
const char* fault_of_openssh(std::string_view text) {
  constexpr std::string_view magic("openssh-key-v1\0", 15);
  constexpr const char* incomplete = "not a complete OpenSSH private key";
  text.remove_prefix(text.find(kOpenSshBegin) + kOpenSshBegin.size());
  const std::size_t end = text.find(kOpenSshEnd);
  if (end == std::string_view::npos) return incomplete;
  const std::string decoded = decode_base64(std::string(text.substr(0, end)));
  std::string_view bytes = decoded;
  if (!bytes.starts_with(magic)) return incomplete;
  bytes.remove_prefix(magic.size());
  std::string_view cipher, derivation, options, public_key, private_keys, type;
  if (!take_string(bytes, cipher) || !take_string(bytes, derivation) || !take_string(bytes, options)) return incomplete;
  if (cipher != "none") return "it needs a passphrase: write it without one";
  if (bytes.size() < 4) return incomplete;
  bytes.remove_prefix(4);  // how many keys
  if (!take_string(bytes, public_key) || !take_string(bytes, private_keys) || !take_string(public_key, type))
    return incomplete;
  const bool good = type == "ssh-rsa" || type == "ssh-ed25519" || type == "ssh-dss" || type.starts_with("ecdsa-sha2-");
  return good ? nullptr : "neither RSA nor ECDSA, Ed25519 or DSA";
}

const char* fault_of(const std::string& text) {
  if (text.find(kOpenSshBegin) != std::string::npos) return fault_of_openssh(text);
  return text.find("-----BEGIN ") == std::string::npos ? "not a PEM private key" : fault_of_pem(text);
}

}  // namespace

Result<std::string> read_private_key(std::string_view value) {
  if (value.empty()) return std::string();
  const bool is_file = value.starts_with(kFileScheme) && value.substr(kFileScheme.size()).starts_with('/');
  const std::string path(is_file ? value.substr(kFileScheme.size()) : std::string_view());
  auto text = is_file ? read_file(path) : Result<std::string>(std::string(value));
  if (!text) return text;
  if (const char* fault = fault_of(*text))
    return fail(ErrorKind::invalid, (is_file ? path : "the inline text") + ": " + fault);
  return text;
}

}  // namespace berth
