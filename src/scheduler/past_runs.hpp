#pragma once

#include <functional>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/choose_types.hpp"

namespace berth {

/// A container that ended before this dispatcher began.
struct PastRun {
  std::string image;
  Resources need;
  double seconds = 0;
  friend bool operator==(const PastRun&, const PastRun&) = default;
};

/// What records tell: nothing unless they are Complete by then, and started before, at most half a year.
std::vector<PastRun> past_runs(const std::vector<FinishedContainer>& finished, const ChooseTypesOptions& choose,
                               WallTime by);

/// Asks the API for what has ended in the last day, 1,000 containers at most, the latest first, a page at a time with a
/// pause after each; `learn` is told of each page. Errors are logged, and the page is asked for again; five in a
/// row end it: what was learned stays. Ends by itself.
awaitable<void> read_past_runs(Runtime& runtime, Logger log, ContainerApi& api, ChooseTypesOptions choose,
                               std::function<void(const std::vector<PastRun>&)> learn);

}  // namespace berth
