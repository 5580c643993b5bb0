#pragma once

#include <functional>
#include <memory>

#include "berth/arvados/client.hpp"

namespace berth {

/// How requests reach the server: HttpClient::perform, or a fake in tests.
using HttpTransport = std::function<awaitable<Result<HttpResponse>>(HttpRequest)>;

std::unique_ptr<ContainerApi> make_rest_client(Runtime& runtime, Logger log, HttpTransport transport,
                                               ArvadosClientOptions options);

}  // namespace berth
