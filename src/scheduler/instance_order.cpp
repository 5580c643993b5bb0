#include "instance_order.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr std::uint32_t kFirstWithId = std::uint32_t{1} << 31;  // pending ones count down from here
constexpr std::uint32_t kWidestGap = std::uint32_t{1} << 16;

}  // namespace

InstanceOrder::InstanceOrder(const std::vector<PlanInstance>& instances)
    : places_(instances.size()), next_pending_(kFirstWithId), lowest_known_(kFirstWithId) {
  std::vector<std::uint32_t> pending;
  for (std::uint32_t i = 0; i < instances.size(); ++i) {
    if (instances[i].gone) continue;
    (instances[i].id.empty() ? pending : by_id_).push_back(i);
  }
  std::stable_sort(pending.begin(), pending.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return instances[a].number < instances[b].number; });
  for (std::uint32_t i : pending) enter_pending(places_[i], instances[i]);

  std::sort(by_id_.begin(), by_id_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return instances[a].id < instances[b].id; });
  const auto count = static_cast<std::uint32_t>(by_id_.size());
  const std::uint32_t gap = std::min(kWidestGap, kFirstWithId / (count + 1));
  for (std::uint32_t i = 0; i < count; ++i)
    places_[by_id_[i]] = {std::string(instances[by_id_[i]].id), 0, kFirstWithId + gap * (i + 1), true};
}

bool InstanceOrder::update(std::uint32_t instance, const PlanInstance& now) {
  if (instance >= places_.size()) places_.resize(instance + 1);
  if (is_known_as(places_[instance], now)) return true;
  leave(instance);
  if (now.gone) return true;
  return now.id.empty() ? enter_pending(places_[instance], now) : enter_by_id(instance, now);
}

bool InstanceOrder::is_known_as(const Place& place, const PlanInstance& now) const {
  if (place.present == now.gone) return false;
  return now.gone || (place.id == now.id && (!now.id.empty() || place.asked == now.number));
}

void InstanceOrder::leave(std::uint32_t instance) {
  Place& place = places_[instance];
  if (place.present && !place.id.empty())
    by_id_.erase(std::lower_bound(by_id_.begin(), by_id_.end(), place.number,
                                  [&](std::uint32_t i, std::uint32_t number) { return places_[i].number < number; }));
  place = {};
}

bool InstanceOrder::enter_pending(Place& place, const PlanInstance& now) {
  if (now.number < last_asked_) return false;
  last_asked_ = now.number;
  place = {"", now.number, --lowest_known_, true};
  next_pending_ = lowest_known_;
  return true;
}

bool InstanceOrder::enter_by_id(std::uint32_t instance, const PlanInstance& now) {
  const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), now.id,
                                   [&](std::uint32_t i, std::string_view id) { return places_[i].id < id; });
  const std::uint32_t low = at == by_id_.begin() ? kFirstWithId : places_[at[-1]].number;
  const std::uint32_t room = (at == by_id_.end() ? ~std::uint32_t{0} : places_[*at].number) - low;
  if (room < 2) return false;
  places_[instance] = {std::string(now.id), 0, low + std::min(room / 2, kWidestGap), true};
  by_id_.insert(at, instance);
  return true;
}

}  // namespace berth
