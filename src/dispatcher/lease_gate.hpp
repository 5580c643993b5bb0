#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "berth/arvados/container_api.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/lease/lease.hpp"
#include "berth/pool/worker_pool.hpp"

namespace berth {

/// One term of a lease, over for good once the lease is not ours: if it is ours again, that is another term, and
/// another dispatcher may have acted in between. Thread-safe.
class LeaseTerm {
 public:
  explicit LeaseTerm(const Lease& lease) : lease_(lease) {}
  /// `number`: Lease::term(). Before, no term lasts.
  void begin(std::uint64_t number) { number_ = number; }
  bool lasts() const {
    const std::uint64_t number = number_;
    return number != 0 && lease_.term() == number;
  }

 private:
  const Lease& lease_;
  std::atomic<std::uint64_t> number_ = 0;
};

// The edges of the dispatcher as they are in one term of the lease: what changes something outside (an API record, an
// instance, a worker) is refused with ErrorKind::unavailable from the moment on at which the term is over, however late
// the rest of the daemon learns of it. What only reads passes.

std::unique_ptr<ContainerApi> gate(ContainerApi& api, const LeaseTerm& term);
std::unique_ptr<InstanceSet> gate(InstanceSet& instances, const LeaseTerm& term);
ExecutorFactory gate(ExecutorFactory executors, const LeaseTerm& term);

}  // namespace berth
