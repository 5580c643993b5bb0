#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// The PEM text of `Containers.DispatchPrivateKey`: `value` itself, or the file that `file:///…` names (facts §1.2).
/// Empty stays empty. Errors: failed (unreadable file, with path and the system's text), invalid (not an unencrypted
/// RSA, ECDSA, Ed25519 or DSA key in PKCS#1, SEC 1, PKCS#8 or OpenSSH form); never with key text.
Result<std::string> read_private_key(std::string_view value);

}  // namespace berth
