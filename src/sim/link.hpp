#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/time.hpp"

namespace berth {

struct Cluster;
class Dispatcher;
class Lease;

/// One dispatcher process as the rest of the world sees it: the other end of all its connections.
struct Link {
  std::uint64_t number = 0;      ///< of the process, never reused
  bool dead = false;             ///< killed: nothing leaves it or reaches it any more
  int waiting = 0;               ///< its coroutines that wait for us
  std::uint64_t term = 0;        ///< counts the times that it got the lease: each time it begins anew, knowing nothing
  const Lease* lease = nullptr;  ///< null: dead
  Dispatcher* dispatcher = nullptr;        ///< null: dead
  std::shared_ptr<const Cluster> cluster;  ///< its configuration: prices may differ from those of another process
  SteadyTime began{};
  std::optional<SteadyTime> last_503;
};

/// A coroutine of that process waits for us as long as this lives.
class WaitingFor {
 public:
  explicit WaitingFor(Link& link) : link_(link) { ++link_.waiting; }
  ~WaitingFor() { --link_.waiting; }
  WaitingFor(const WaitingFor&) = delete;
  WaitingFor& operator=(const WaitingFor&) = delete;

 private:
  Link& link_;
};

}  // namespace berth
