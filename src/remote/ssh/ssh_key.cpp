#include "ssh_key_state.hpp"

namespace berth {

Result<SshKey> SshKey::parse(std::string_view pem) {
  ssh_key key = nullptr;
  // An empty passphrase, so that an encrypted key fails instead of asking the terminal.
  if (ssh_pki_import_privkey_base64(std::string(pem).c_str(), "", nullptr, nullptr, &key) != SSH_OK)
    return fail(ErrorKind::invalid, "not an unencrypted Ed25519, ECDSA or RSA private key");
  auto state = std::make_shared<const State>(key);
  const auto type = ssh_key_type(key);
  if (type == SSH_KEYTYPE_DSS) return fail(ErrorKind::invalid, "a DSA key: servers no longer accept these");
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
