#include "process_signals.hpp"

#include <csignal>

#include <boost/asio/signal_set.hpp>

namespace berth {

struct ProcessSignals::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(Runtime& runtime)
      : ending(runtime.executor(), SIGTERM, SIGINT),
        hanging_up(runtime.executor(), SIGHUP),
        end_seen(end.subscribe()),
        reload_seen(reload.subscribe()) {}

  void listen_for_end() {
    ending.async_wait([self = shared_from_this()](const boost::system::error_code& error, int) {
      if (!error) self->end.notify();
    });
  }
  void listen_for_reload() {
    hanging_up.async_wait([self = shared_from_this()](const boost::system::error_code& error, int) {
      if (error) return;
      self->reload.notify();
      self->listen_for_reload();
    });
  }

  boost::asio::signal_set ending;
  boost::asio::signal_set hanging_up;
  Signal end;
  Signal reload;
  Subscription end_seen;
  Subscription reload_seen;
};

ProcessSignals::ProcessSignals(Runtime& runtime) : impl_(std::make_shared<Impl>(runtime)) {
  impl_->listen_for_end();
  impl_->listen_for_reload();
}

ProcessSignals::~ProcessSignals() {
  boost::system::error_code ignored;
  impl_->ending.cancel(ignored);
  impl_->hanging_up.cancel(ignored);
}

awaitable<void> ProcessSignals::wait_for_end() {
  co_await impl_->end_seen.wait();
}
void ProcessSignals::end() {
  impl_->end.notify();
}
Subscription& ProcessSignals::reload() {
  return impl_->reload_seen;
}

}  // namespace berth
