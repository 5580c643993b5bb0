#pragma once

#include <map>
#include <memory>
#include <string>

#include "berth/base/runtime.hpp"
#include "berth/remote/executor.hpp"

namespace berth {

/// Runs commands as child processes on this machine: `/bin/sh -c TEXT` in a process group of its own, a leading `sudo `
/// taken off (facts §8.4), `environment` added to ours. At the deadline or on cancel the whole group is killed.
/// Children that detach into a session of their own (runners) live on.
std::unique_ptr<Executor> make_local_executor(Runtime& runtime, const std::map<std::string, std::string>& environment);

}  // namespace berth
