#pragma once

#include <memory>

#include "berth/base/boot_clock.hpp"
#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/lease/lease.hpp"

#include "lock_session.hpp"

namespace berth {

/// The lease over any kind of session: carries out what lock_machine.hpp decides. `clock` tells how old an answer is.
std::unique_ptr<Lease> make_session_lease(Runtime& runtime, Logger log, std::unique_ptr<LockSession> session,
                                          BootClock clock);

}  // namespace berth
