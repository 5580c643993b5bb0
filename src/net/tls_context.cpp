#include "tls_context.hpp"

#include <utility>

namespace berth {

namespace ssl = boost::asio::ssl;

namespace {
constexpr const char* tls_1_2_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
}

Result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& certificate_file,
                                                       const std::string& key_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_cipher_list(native, tls_1_2_suites) != 1 || SSL_CTX_set1_groups_list(native, "X25519:P-256") != 1) {
    return fail(ErrorKind::internal, "OpenSSL does not know the chosen cipher suites");
  }
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate_file, error);
  if (error) return fail(ErrorKind::invalid, "certificate " + certificate_file + ": " + error.message());
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) return fail(ErrorKind::invalid, "private key " + key_file + ": " + error.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorKind::invalid, "private key " + key_file + " does not belong to " + certificate_file);
  }
  return context;
}

}  // namespace berth
