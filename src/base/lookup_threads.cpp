#include "lookup_threads.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/thread_pool.hpp>

namespace berth {
namespace {

/// Belongs to the event loop, and is joined before the loop ends: look-ups report to it.
class LookupThreads : public asio::execution_context::service {
 public:
  using key_type = LookupThreads;
  static inline asio::execution_context::id id;
  explicit LookupThreads(asio::execution_context& context) : service(context) {}

  asio::any_io_executor executor() { return pool_.get_executor(); }

 private:
  void shutdown() override { pool_.join(); }
  asio::thread_pool pool_{lookup_threads};
};

}  // namespace

asio::any_io_executor lookup_executor(Runtime& runtime) {
  auto& loop = asio::query(runtime.executor(), asio::execution::context);
  return asio::use_service<LookupThreads>(loop).executor();
}

}  // namespace berth
