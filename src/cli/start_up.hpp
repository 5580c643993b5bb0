#pragma once

#include <functional>
#include <string>

#include "connection.hpp"

namespace berth {

/// Whether a daemon holds the directory of a standalone installation: it serves it, or is about to.
bool is_held(const std::string& data_dir);

/// Finds the daemon of an installation, `find`, which may be starting just now: waits some seconds for it to serve,
/// says so once on stderr, and answers what was found in the end. `data_dir`: where its lock is.
Result<Endpoint> find_started(const std::string& data_dir, const std::function<Result<Endpoint>()>& find);

}  // namespace berth
