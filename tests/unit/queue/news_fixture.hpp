#pragma once

#include <optional>
#include <string>

#include "queue_test.hpp"

namespace berth {

/// A queue that is loaded and is told of changes.
class NewsTest : public QueueTest {
 protected:
  void begin(int containers) {
    for (int i = 0; i < containers; ++i) api_.add(i, i + 1);
    start_and_load(static_cast<std::size_t>(containers));
    run_next_poll();
    runtime_.run_for(std::chrono::seconds(1));
    api_.calls.clear();
  }
  void tell(int number, std::optional<ContainerState> state = {}) {
    queue_->tell({FakeContainerApi::uuid(number), state});
  }
  bool metric_is(const std::string& line) const {
    return metrics_.text().find('\n' + line + '\n') != std::string::npos;
  }
};

}  // namespace berth
