#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core.hpp"
#include "record_store.hpp"

namespace berth {

/// The users' side of the workload: submits containers when their time has come, and anew if one was Cancelled.
class Requests {
 public:
  Requests(SimCore& core, RecordStore& store);

  void begin();
  /// To be told of each change of a record.
  void on_change(const SimRecord& record);
  bool children_done(const SimRecord& supervisor) const {
    return requests_[supervisor.workload_index].open_children == 0;
  }
  /// Calls it once the last of them has ended; at most one of each supervisor waits.
  void when_children_done(const SimRecord& supervisor, std::function<void()> then);
  bool all_ended() const { return open_ == 0; }
  /// When a container has begun to run or ended last, or when the last command that runs is to end.
  SteadyTime moves_until() const { return moves_until_; }
  std::vector<SimOutcome> outcomes() const;
  /// Uuids in the order of submission.
  const std::vector<std::string>& submitted() const { return submitted_; }

 private:
  struct Request {
    std::uint32_t waits_for = 0;  ///< of `after`
    int attempts = 0;
    bool planned = false;  ///< submitted, or about to be
    bool ended = false;
    bool complete = false;
    std::vector<std::uint32_t> children;
    std::uint32_t open_children = 0;
    std::function<void()> children_done;
    std::vector<std::uint32_t> dependents;
  };
  void plan(std::uint32_t index, Duration delay);
  void plan_if_ready(std::uint32_t index);
  void submit(std::uint32_t index);
  void end(std::uint32_t index, bool complete);
  void give_up(std::uint32_t index);
  void moves_for(Duration more) { moves_until_ = std::max(moves_until_, core_.now() + more); }

  SimCore& core_;
  RecordStore& store_;
  const Workload& workload_;
  std::vector<Request> requests_;
  std::vector<std::string> latest_;  // uuid, by index
  std::vector<std::string> submitted_;
  std::size_t open_ = 0;
  SteadyTime moves_until_;
};

}  // namespace berth
