#include "berth/base/runtime.hpp"

#include <boost/asio/strand.hpp>

namespace berth {

asio::any_io_executor Runtime::make_strand() {
  return asio::make_strand(executor());
}

awaitable<void> Runtime::sleep_for(Duration duration) {
  const SteadyTime start = now();
  return sleep_until(duration > SteadyTime::max() - start ? SteadyTime::max() : start + duration);
}

Duration Runtime::random_below(Duration bound) {
  if (bound <= Duration::zero()) return Duration::zero();
  return Duration(static_cast<Duration::rep>(random() % static_cast<std::uint64_t>(bound.count())));
}

}  // namespace berth
