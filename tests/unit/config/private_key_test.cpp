#include "berth/config/private_key.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

namespace berth {
namespace {

std::string temporary_file(const std::string& content) {
  char path[] = "/tmp/berth-key-XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path) << content;
  return path;
}

std::string text_of(const std::unique_ptr<BIO, int (*)(BIO*)>& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

/// PKCS#8, or PKCS#1 and SEC 1 if `traditional`; encrypted if there is a passphrase.
std::string make_pem(EVP_PKEY* key, bool traditional, const char* passphrase) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const EVP_CIPHER* cipher = passphrase ? EVP_aes_128_cbc() : nullptr;
  const int size = passphrase ? static_cast<int>(std::strlen(passphrase)) : 0;
  const auto* word = reinterpret_cast<const unsigned char*>(passphrase);
  if (traditional)
    PEM_write_bio_PrivateKey_traditional(bio.get(), key, cipher, word, size, nullptr, nullptr);
  else
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, passphrase, size, nullptr, nullptr);
  EVP_PKEY_free(key);
  return text_of(bio);
}

std::string ssh_string(const std::string& text) {
  const auto size = static_cast<unsigned>(text.size());
  return std::string{static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                     static_cast<char>(size)} +
         text;
}

/// As far as it is looked at.
std::string make_openssh(const std::string& cipher, const std::string& type) {
  const std::string bytes = std::string("openssh-key-v1\0", 15) + ssh_string(cipher) + ssh_string("none") +
                            ssh_string("") + std::string("\0\0\0\1", 4) + ssh_string(ssh_string(type)) +
                            ssh_string("private");
  std::string base64(bytes.size() * 2, '\0');
  base64.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                                         static_cast<int>(bytes.size()))));
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.insert(20, "\n") + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

EVP_PKEY* new_key(const char* type) {
  return std::string(type) == "RSA"  ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, std::size_t{2048})
         : std::string(type) == "EC" ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, "P-256")
                                     : EVP_PKEY_Q_keygen(nullptr, nullptr, type);
}

TEST(PrivateKey, InlineFileOrNothing) {
  const std::string pem = make_openssh("none", "ssh-ed25519");
  EXPECT_EQ(read_private_key("").value(), "");
  EXPECT_EQ(read_private_key(pem).value(), pem);
  const std::string path = temporary_file(pem);
  EXPECT_EQ(read_private_key("file://" + path).value(), pem);
  std::remove(path.c_str());
}

TEST(PrivateKey, FormsThatAreUsable) {
  for (const std::string& pem : {make_pem(new_key("RSA"), false, nullptr), make_pem(new_key("RSA"), true, nullptr),
                                 make_pem(new_key("EC"), false, nullptr), make_pem(new_key("EC"), true, nullptr),
                                 make_pem(new_key("ED25519"), false, nullptr), make_openssh("none", "ssh-rsa"),
                                 make_openssh("none", "ecdsa-sha2-nistp256"), make_openssh("none", "ssh-dss")}) {
    const auto key = read_private_key(pem);
    EXPECT_TRUE(key) << pem << key.error().message;
  }
}

TEST(PrivateKey, FormsThatAreNot) {
  const std::string rsa = make_pem(new_key("RSA"), false, nullptr), openssh = make_openssh("none", "ssh-rsa");
  const std::pair<std::string, const char*> cases[] = {
      {make_pem(new_key("RSA"), false, "secret"), "passphrase"},
      {make_pem(new_key("RSA"), true, "secret"), "passphrase"},
      {make_openssh("aes256-ctr", "ssh-rsa"), "passphrase"},
      {make_pem(new_key("X25519"), false, nullptr), "neither RSA nor"},
      {make_openssh("none", "ssh-unheard-of"), "neither RSA nor"},
      {rsa.substr(0, rsa.size() / 2), "not a complete PEM"},
      {openssh.substr(0, openssh.size() / 2), "not a complete OpenSSH"},
      {"-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----\n", "not a complete OpenSSH"},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a complete PEM"},
  };
  for (const auto& [pem, words] : cases) {
    const auto key = read_private_key(pem);
    ASSERT_FALSE(key) << pem;
    EXPECT_NE(key.error().message.find(words), std::string::npos) << key.error().message;
  }
}

TEST(PrivateKey, BadOnesAreNamedWithoutTheirText) {
  const std::string garbage = temporary_file("hunter2");
  struct Case {
    std::string value;
    ErrorKind kind;
    std::string words;
  };
  const Case cases[] = {
      {"file:///no/such/key", ErrorKind::failed, "/no/such/key: No such file"},
      {"file:///", ErrorKind::failed, "/: "},
      {"file://" + garbage, ErrorKind::invalid, garbage + ": not a PEM"},
      {"file://relative", ErrorKind::invalid, "inline text"},
      {"hunter2", ErrorKind::invalid, "inline text"},
  };
  for (const Case& c : cases) {
    const auto key = read_private_key(c.value);
    ASSERT_FALSE(key) << c.value;
    EXPECT_EQ(key.error().kind, c.kind) << c.value;
    EXPECT_NE(key.error().message.find(c.words), std::string::npos) << key.error().message;
    EXPECT_EQ(key.error().message.find("hunter2"), std::string::npos);
  }
  std::remove(garbage.c_str());
}

}  // namespace
}  // namespace berth
