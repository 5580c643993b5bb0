#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "berth/queue/container_queue.hpp"

#include "core.hpp"
#include "record_store.hpp"
#include "watcher.hpp"

namespace berth {

/// Stands in for the polls of the queue where nothing goes wrong on the way (SimApiModel::told_every): tells the queue
/// of what has changed when a poll would have found it. While a record says Locked or Running and its runner is gone,
/// it has the queue poll in earnest, since what became of that container is concluded from the time of a poll.
class Announcer final : public SimWatcher {
 public:
  /// `queue`: of the active dispatcher, or null.
  Announcer(SimCore& core, RecordStore& store, std::function<std::shared_ptr<ContainerQueue>()> queue)
      : core_(core), store_(store), queue_(std::move(queue)) {}

  /// A container or request was saved; see RecordStore::on_saved.
  void saved(const std::string& uuid, std::optional<ContainerState> state);

  void record_changed(const SimRecord& record, ContainerState before, ChangedBy by) override;
  void runner_ended(const SimVm& vm, const std::string& uuid) override;

 private:
  void plan_round();
  void round();

  SimCore& core_;
  RecordStore& store_;
  const std::function<std::shared_ptr<ContainerQueue>()> queue_;
  std::map<std::string, std::optional<ContainerState>> changed_;
  std::set<std::string> orphans_;
  bool planned_ = false;
};

}  // namespace berth
