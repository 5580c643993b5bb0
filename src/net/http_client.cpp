#include "berth/net/http_client.hpp"

#include <stdexcept>

#include "berth/base/call_on.hpp"
#include "berth/base/deadline.hpp"

#include "curl_multi.hpp"
#include "exchange.hpp"
#include "slot_queue.hpp"

namespace berth {

namespace {
void init_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw std::runtime_error("libcurl does not start");
}
}  // namespace

class HttpClient::Impl {
 public:
  Impl(Runtime& runtime, HttpClientOptions options)
      : runtime_(runtime),
        options_(std::move(options)),
        proxies_(options_.use_proxy_environment && !options_.insecure_tls ? read_proxy_environment()
                                                                          : ProxyEnvironment{}),
        strand_(runtime.make_strand()),
        slots_(std::make_shared<SlotQueue>(options_.max_concurrent)),
        multi_(std::make_shared<CurlMulti>(runtime, strand_, options_.max_concurrent,
                                           options_.max_connections_per_host)) {}

  static awaitable<Result<HttpResponse>> perform(std::shared_ptr<Impl> self, HttpRequest request);

 private:
  /// On the strand.
  static awaitable<Result<HttpResponse>> transfer(std::shared_ptr<Impl> self, std::shared_ptr<Exchange> exchange);

  Runtime& runtime_;
  const HttpClientOptions options_;
  const ProxyEnvironment proxies_;
  const asio::any_io_executor strand_;
  const std::shared_ptr<SlotQueue> slots_;
  const std::shared_ptr<CurlMulti> multi_;
};

awaitable<Result<HttpResponse>> HttpClient::Impl::transfer(std::shared_ptr<Impl> self,
                                                           std::shared_ptr<Exchange> exchange) {
  const SlotQueue::Slot slot = co_await self->slots_->acquire();
  const CURLcode code = co_await self->multi_->perform(exchange->handle());
  co_return exchange->finish(code);
}

awaitable<Result<HttpResponse>> HttpClient::Impl::perform(std::shared_ptr<Impl> self, HttpRequest request) {
  const Duration deadline = request.deadline;
  auto made = Exchange::make(std::move(request), self->options_, self->proxies_);
  if (!made) co_return fail(std::move(made.error()));
  const std::shared_ptr<Exchange> exchange = std::move(*made);
  auto bounded = with_deadline(self->runtime_, deadline, transfer(self, exchange));
  auto result = co_await call_on(self->strand_, std::move(bounded));
  if (!result) co_return fail(result.error().within(exchange->description()));
  co_return std::move(*result);
}

HttpClient::HttpClient(Runtime& runtime, HttpClientOptions options) {
  init_libcurl();
  impl_ = std::make_shared<Impl>(runtime, std::move(options));
}

HttpClient::~HttpClient() = default;

awaitable<Result<HttpResponse>> HttpClient::perform(HttpRequest request) {
  return Impl::perform(impl_, std::move(request));
}

}  // namespace berth
