#include "sim_lease.hpp"

#include <algorithm>

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration shortest_gap = 4s;  // facts §12, lease.hpp: it acts for up to 4 s after the last answer
constexpr Duration longest_gap = 15s;
constexpr Duration told_late = 10s;  // another may have it by then

}  // namespace

std::unique_ptr<SimLease> LeaseServer::connect(std::shared_ptr<Link> link) {
  return std::make_unique<SimLease>(*this, std::move(link));
}

void LeaseServer::take_away() {
  if (!holder_) return;
  SimLease& lease = *holder_;
  core_.note(SimEventKind::lease_lost, {}, {}, std::to_string(lease.link_->number));
  lease.held_ = false;
  leave(lease);
  core_.after(core_.chance.between(Duration{}, told_late), [this, &lease, number = lease.link_->number] {
    const bool alive = std::any_of(wanting_.begin(), wanting_.end(), [&](SimLease* l) { return l == &lease; });
    if (alive && lease.link_->number == number) lease.changed_.notify();
  });
  want(lease);
}

void LeaseServer::want(SimLease& lease) {
  if (holder_ == &lease || std::count(wanting_.begin(), wanting_.end(), &lease) > 0) return;
  wanting_.push_back(&lease);
  core_.after(std::max(Duration{}, free_from_ - core_.now()), [this] { grant(); });
}

void LeaseServer::leave(SimLease& lease) {
  std::erase(wanting_, &lease);
  if (holder_ != &lease) return;
  holder_ = nullptr;
  free_from_ = core_.now() + core_.chance.between(shortest_gap, longest_gap);
  core_.after(free_from_ - core_.now(), [this] { grant(); });
}

void LeaseServer::grant() {
  if (holder_ || wanting_.empty() || core_.now() < free_from_) return;
  holder_ = wanting_.front();
  wanting_.erase(wanting_.begin());
  holder_->held_ = true;
  ++holder_->link_->term;
  core_.note(SimEventKind::lease_taken, {}, {}, std::to_string(holder_->link_->number));
  holder_->changed_.notify();
}

SimLease::~SimLease() {
  server_.leave(*this);
}

awaitable<Result<void>> SimLease::acquire() {
  auto changed = changed_.subscribe();
  server_.want(*this);
  while (!held_) co_await changed.wait();
  co_return Result<void>{};
}

awaitable<void> SimLease::release() {
  drop();
  co_return;
}

void SimLease::drop() {
  server_.leave(*this);
  held_ = false;
}

}  // namespace berth
