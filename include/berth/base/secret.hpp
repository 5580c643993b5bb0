#pragma once

#include <openssl/crypto.h>
#include <string_view>

namespace berth {

/// Whether a credential is the secret. Takes the same time for every wrong one of the right length.
inline bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace berth
