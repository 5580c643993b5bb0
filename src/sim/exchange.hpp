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
struct Route {
  Duration there{};
  Duration back{};
  bool arrives = true;
  bool answered = true;
  Duration give_up{};
  Error loss{ErrorKind::timeout, "no answer within the deadline"};
};

/// One request under way: the client waits on `reply` until there is an answer.
template <class T>
struct Exchange {
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
std::shared_ptr<Exchange<T>> send(SimCore& core, const std::shared_ptr<Link>& link, Route route,
                                  std::function<Result<T>()> effect) {
  auto exchange = std::make_shared<Exchange<T>>();
  if (link->dead) return exchange;
  if (!route.arrives || !route.answered)
    core.after(route.give_up, [exchange, loss = route.loss] { exchange->give(fail(loss)); });
  if (!route.arrives) return exchange;
  constexpr double still_arrives = 0.5;
  core.after(route.there, [&core, link, exchange, route, effect = std::move(effect)] {
    if (link->dead && !core.chance.with(still_arrives)) return;
    Result<T> result = effect();
    if (!route.answered || link->dead) return;
    core.after(route.back, [exchange, result = std::move(result)] { exchange->give(result); });
  });
  return exchange;
}

/// Waits for the answer.
template <class T>
awaitable<Result<T>> answer_of(std::shared_ptr<Link> link, std::shared_ptr<Exchange<T>> exchange) {
  struct Waiting {
    Link& link;
    explicit Waiting(Link& l) : link(l) { ++link.waiting; }
    ~Waiting() { --link.waiting; }
  } waiting(*link);
  while (!exchange->answer) co_await exchange->reply.wait();
  co_return std::move(*exchange->answer);
}

}  // namespace berth
