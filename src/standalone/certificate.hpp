#pragma once

#include <string>

#include "berth/base/result.hpp"

namespace berth {

/// Writes a new self-signed certificate (ECDSA P-256, ten years, names localhost, 127.0.0.1 and ::1) and its key (mode
/// 0600).
Result<void> write_self_signed_certificate(const std::string& certificate_path, const std::string& key_path);

}  // namespace berth
