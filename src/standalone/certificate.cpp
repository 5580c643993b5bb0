#include "certificate.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace berth {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

constexpr long kTenYears = 10L * 365 * 24 * 3600;

tl::unexpected<Error> openssl_error(const std::string& what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return fail(ErrorKind::failed, what + ": " + text);
}

bool add_extension(X509* certificate, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  if (!certificate) return {};
  X509* x = certificate.get();
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(x, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(x), kTenYears);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Berth standalone"), -1,
                             -1, 0);
  X509_set_issuer_name(x, name);
  const bool ok = X509_set_pubkey(x, key) == 1 && add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
                  add_extension(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
                  X509_sign(x, key, EVP_sha256()) != 0;
  return ok ? std::move(certificate) : Certificate();
}

Result<File> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::failed, path + ": " + std::strerror(errno));
  return File(::fdopen(fd, "w"));
}

}  // namespace

Result<void> write_self_signed_certificate(const std::string& certificate_path, const std::string& key_path) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("cannot make a key");
  const Certificate certificate = make_certificate(key.get());
  if (!certificate) return openssl_error("cannot make a certificate");
  auto key_file = create_private(key_path);
  if (!key_file) return fail(key_file.error());
  if (PEM_write_PrivateKey(key_file->get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      std::fflush(key_file->get()) != 0)
    return fail(ErrorKind::failed, key_path + ": cannot write the key");
  auto file = create_private(certificate_path);
  if (!file) return fail(file.error());
  if (PEM_write_X509(file->get(), certificate.get()) != 1 || std::fflush(file->get()) != 0)
    return fail(ErrorKind::failed, certificate_path + ": cannot write the certificate");
  return {};
}

}  // namespace berth
