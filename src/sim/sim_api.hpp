#pragma once

#include <memory>

#include "berth/arvados/container_api.hpp"

#include "core.hpp"
#include "link.hpp"
#include "record_store.hpp"

namespace berth {

/// The API as one dispatcher process reaches it, with all that may go wrong on the way. Pages show the records as they
/// are when the request arrives, and may be old when they are read.
std::unique_ptr<ContainerApi> make_sim_api(SimCore& core, RecordStore& store, SimWatcher& watcher,
                                           std::shared_ptr<Link> link);

}  // namespace berth
