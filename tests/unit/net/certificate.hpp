#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>
#include <unistd.h>

namespace berth {

/// A self-signed certificate for localhost and its key, in a folder of its own.
struct Certificate {
  explicit Certificate(const std::string& name)
      : folder(std::filesystem::temp_directory_path() / ("berth-net-" + std::to_string(::getpid()) + "-" + name)) {
    std::filesystem::create_directories(folder);
    write();
  }
  ~Certificate() { std::filesystem::remove_all(folder); }
  std::string certificate() const { return folder / "cert.pem"; }
  std::string key() const { return folder / "key.pem"; }

  void write() const {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> x509(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
    X509_set_pubkey(x509.get(), key_pair.get());
    X509_NAME* subject = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(x509.get(), subject);
    X509_sign(x509.get(), key_pair.get(), EVP_sha256());
    const std::unique_ptr<FILE, int (*)(FILE*)> cert_file(std::fopen(certificate().c_str(), "w"), std::fclose);
    PEM_write_X509(cert_file.get(), x509.get());
    const std::unique_ptr<FILE, int (*)(FILE*)> key_file(std::fopen(key().c_str(), "w"), std::fclose);
    PEM_write_PrivateKey(key_file.get(), key_pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }

  const std::filesystem::path folder;
};

}  // namespace berth
