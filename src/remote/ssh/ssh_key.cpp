#include <array>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <optional>

#include "ssh_key_state.hpp"

namespace berth {
namespace {

constexpr std::size_t longest_pem = 64 * 1024;

/// Parts of a key in SSH's encoding (RFC 4251 §5). Wiped at the end.
class SshWire {
 public:
  ~SshWire() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  void number(std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xff);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes += value;
  }
  std::string bytes;
};

int no_passphrase(char*, int, int, void*) {
  return -1;
}

/// libssh reads Ed25519 keys in PKCS#8 form without their public half, and then cannot sign: these are given to it in
/// OpenSSH's form (PROTOCOL.key). Nothing for all other keys.
std::optional<std::string> ed25519_as_openssh(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free);
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return std::nullopt;
  std::array<unsigned char, 32> public_half{};
  std::array<unsigned char, 32> seed{};
  std::size_t public_size = public_half.size();
  std::size_t seed_size = seed.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), public_half.data(), &public_size) != 1 ||
      EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &seed_size) != 1)
    return std::nullopt;
  const std::string_view public_bytes(reinterpret_cast<const char*>(public_half.data()), public_size);
  SshWire public_part;
  public_part.text("ssh-ed25519");
  public_part.text(public_bytes);
  SshWire pair;
  pair.bytes.assign(reinterpret_cast<const char*>(seed.data()), seed_size).append(public_bytes);
  SshWire private_part;
  private_part.number(0);  // twice the same number: a check of the passphrase, which there is none
  private_part.number(0);
  private_part.bytes += public_part.bytes;
  private_part.text(pair.bytes);
  private_part.text("");
  for (char padding = 1; private_part.bytes.size() % 8 != 0; ++padding) private_part.bytes += padding;
  SshWire whole;
  whole.bytes.assign("openssh-key-v1", 15);
  for (const std::string_view none : {"none", "none", ""}) whole.text(none);
  whole.number(1);
  whole.text(public_part.bytes);
  whole.text(private_part.bytes);
  SshWire base64;
  base64.bytes.resize((whole.bytes.size() + 2) / 3 * 4 + 1);
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.bytes.data()),
                  reinterpret_cast<const unsigned char*>(whole.bytes.data()), static_cast<int>(whole.bytes.size()));
  base64.bytes.pop_back();
  OPENSSL_cleanse(seed.data(), seed.size());
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.bytes + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

}  // namespace

Result<SshKey> SshKey::parse(std::string_view pem) {
  const auto wrong = fail(ErrorKind::invalid, "not an unencrypted Ed25519, ECDSA or RSA private key");
  if (pem.size() > longest_pem || pem.find('\0') != pem.npos) return wrong;
  std::string text(pem);
  if (auto converted = ed25519_as_openssh(text)) text = std::move(*converted);
  ssh_key key = nullptr;
  // An empty passphrase, so that an encrypted key fails instead of asking the terminal.
  const int result = ssh_pki_import_privkey_base64(text.c_str(), "", nullptr, nullptr, &key);
  OPENSSL_cleanse(text.data(), text.size());
  if (result != SSH_OK) return wrong;
  auto state = std::make_shared<const State>(key);
  if (ssh_key_type(key) == SSH_KEYTYPE_DSS || public_key_line(key).empty()) return wrong;
  return SshKey(std::move(state));
}

std::string SshKey::authorized_key() const {
  return public_key_line(state_->key);
}

std::string public_key_line(ssh_key key) {
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) return "";
  std::string line = std::string(ssh_key_type_to_char(ssh_key_type(key))) + ' ' + base64;
  ssh_string_free_char(base64);
  return line;
}

}  // namespace berth
