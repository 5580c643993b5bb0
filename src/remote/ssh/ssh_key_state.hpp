#pragma once

#include <libssh/libssh.h>
#include <string>

#include "berth/remote/ssh.hpp"

namespace berth {

/// Never changes after parse(), so that sessions on several threads may sign with it.
struct SshKey::State {
  explicit State(ssh_key parsed) : key(parsed) {}
  ~State() { ssh_key_free(key); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ssh_key key;
};

/// A public key, or the public half of a private one, as `type base64`; empty if libssh cannot.
std::string public_key_line(ssh_key key);

}  // namespace berth
