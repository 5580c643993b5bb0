#pragma once

// Includes much of Asio: for .cpp files only.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "berth/base/result.hpp"
#include "berth/base/signal.hpp"

#include "core.hpp"
#include "link.hpp"

namespace berth {

/// How one request travels. What is lost shows to the client as `loss`, after `give_up`.
struct CallRoute {
  Duration there{};
  Duration back{};
  bool arrives = true;
  bool answered = true;
  Duration give_up{};
  Error loss{ErrorKind::timeout, "no answer within the deadline"};
};

/// One request under way: the client waits on `reply` until there is an answer.
template <class T>
struct SimCall {
  Subscription reply = Signal().subscribe();
  std::optional<Result<T>> answer;

  void give(Result<T> result) {
    if (answer) return;
    answer.emplace(std::move(result));
    reply.wake();
  }
};

/// Sends a request: it is carried out by `effect` when it arrives, whether or not the client still waits. Of what a
/// process sent before it was killed half still arrives.
template <class T>
std::shared_ptr<SimCall<T>> send(SimCore& core, const std::shared_ptr<Link>& link, const CallRoute& route,
                                 std::function<Result<T>()> effect) {
  auto call = std::make_shared<SimCall<T>>();
  if (link->dead) return call;
  if (!route.arrives || !route.answered)
    core.after(route.give_up, [call, loss = route.loss] { call->give(fail(loss)); });
  if (!route.arrives) return call;
  constexpr double still_arrives = 0.5;
  core.after(route.there, [&core, link, call, route, effect = std::move(effect)] {
    if (link->dead && !core.chance.with(still_arrives)) return;
    auto result = std::make_shared<Result<T>>(effect());  // shared, as std::function would copy it
    if (!route.answered || link->dead) return;
    core.after(route.back, [call, result] { call->give(std::move(*result)); });
  });
  return call;
}

/// Waits for the answer.
template <class T>
awaitable<Result<T>> answer_of(std::shared_ptr<Link> link, std::shared_ptr<SimCall<T>> call) {
  const WaitingFor waiting(*link);
  while (!call->answer) co_await call->reply.wait();
  co_return std::move(*call->answer);
}

}  // namespace berth
