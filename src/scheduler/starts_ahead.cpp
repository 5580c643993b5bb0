#include "starts_ahead.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth {

void StartsAhead::keep(std::vector<StartRequest> slots) {
  pass_waits_ = false;
  slots_.clear();
  for (StartRequest& slot : slots) {
    std::string uuid = slot.uuid;
    slots_[std::move(uuid)] = std::move(slot);
  }
}

void StartsAhead::locked(const std::string& uuid) {
  auto slot = slots_.extract(uuid);
  if (slot.empty() || pass_waits_ || !active_()) return;
  granted_.push_back(std::move(slot.mapped()));
  if (std::exchange(starting_, true)) return;
  tasks_.spawn(start_all());
}

awaitable<void> StartsAhead::let_starts_end() {
  pass_waits_ = true;
  while (starting_) co_await start_ended_.wait();
}

/// Many locks are granted at a time: what is there when the pool has time for it is started in one go.
awaitable<void> StartsAhead::start_all() {
  struct Ended {
    StartsAhead& self;
    ~Ended() {
      self.starting_ = false;
      self.start_ended_.wake();
    }
  } const ended{*this};
  co_await asio::post(asio::use_awaitable);
  while (!granted_.empty()) {
    PoolCommands commands;
    commands.starts = take_granted();
    if (commands.starts.empty()) continue;
    const PoolReceipt receipt = co_await pool_.apply(std::move(commands));
    on_receipt_(receipt);
  }
}

/// Those that are still to be started.
std::vector<StartRequest> StartsAhead::take_granted() {
  std::vector<StartRequest> starts = std::exchange(granted_, {});
  const auto snapshot = queue_.snapshot();
  std::erase_if(starts, [&](const StartRequest& start) {
    const auto entry = snapshot->entries.find(start.uuid);
    return !entry || entry->container.state != ContainerState::locked || entry->container.priority < 1;
  });
  return starts;
}

}  // namespace berth
