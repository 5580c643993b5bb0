#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "berth/base/result.hpp"

namespace berth {

/// TLS ≥ 1.2, ECDHE with AEAD, curves X25519 and P-256 (facts §1.6). Errors: invalid (file, certificate, key).
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& certificate_file,
                                                                    const std::string& key_file);

/// The context for new connections; connections keep the one they began with. Thread-safe.
class CurrentTlsContext {
 public:
  std::shared_ptr<boost::asio::ssl::context> get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void set(std::shared_ptr<boost::asio::ssl::context> context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace berth
