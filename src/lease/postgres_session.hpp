#pragma once

#include <memory>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"

#include "connection_keywords.hpp"
#include "lock_session.hpp"

namespace berth {

std::unique_ptr<LockSession> make_postgres_session(Runtime& runtime, Logger log, ConnectionKeywords connection);

/// What the server answers to the statement for the lock: one row, one boolean.
Result<bool> parse_lock_answer(const std::vector<std::vector<std::optional<std::string>>>& rows);
/// `client 10.0.0.7:51234 (berthd, process 4711)` from address, port, application and process; parts may be missing.
std::string describe_holder(const std::vector<std::vector<std::optional<std::string>>>& rows);

}  // namespace berth
