#pragma once

#include <string>

namespace berth {

/// Where a standalone daemon keeps everything, and clients look for its `env` file: `/var/lib/berth` for root, else
/// `$XDG_STATE_HOME/berth` or `~/.local/state/berth`.
std::string default_data_dir();

}  // namespace berth
