#pragma once

#include <memory>
#include <string>
#include <vector>

#include "berth/base/signal.hpp"
#include "berth/lease/lease.hpp"

#include "core.hpp"
#include "link.hpp"

namespace berth {

class SimLease;

/// The lock server: at most one lease is held, and none until whoever had it before has surely stopped.
class LeaseServer {
 public:
  explicit LeaseServer(SimCore& core) : core_(core) {}

  std::unique_ptr<SimLease> connect(std::shared_ptr<Link> link);
  /// The holder loses it, and is told late.
  void take_away();

 private:
  friend class SimLease;
  void want(SimLease& lease);
  void leave(SimLease& lease);
  void grant();

  SimCore& core_;
  std::vector<SimLease*> wanting_;  // first come, first served
  SimLease* holder_ = nullptr;
  SteadyTime free_from_{};
};

/// One process' lease.
class SimLease final : public Lease {
 public:
  SimLease(LeaseServer& server, std::shared_ptr<Link> link) : server_(server), link_(std::move(link)) {}
  ~SimLease() override;
  SimLease(const SimLease&) = delete;
  SimLease& operator=(const SimLease&) = delete;

  awaitable<Result<void>> acquire() override;
  std::uint64_t term() const override { return held_ ? link_->term : 0; }
  Signal& changed() override { return changed_; }
  awaitable<void> release() override;
  std::string detail() const override { return held_ ? "held" : "not held"; }
  /// The process dies: the server notices some time later.
  void drop();

 private:
  friend class LeaseServer;
  LeaseServer& server_;
  const std::shared_ptr<Link> link_;
  bool held_ = false;
  Signal changed_;
};

}  // namespace berth
