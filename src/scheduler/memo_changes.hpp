#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "scheduling_order.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// What the owner of a PlanInput has changed in it since the last pass, and what is kept of it in any case: the sorted
/// queue.
class MemoChanges {
 public:
  /// `input` must outlive it. Types stay as they are; needs and type lists are only added.
  explicit MemoChanges(const PlanInput& input) : input_(input) {}

  /// The container came, changed or went.
  void container_changed(std::uint32_t container) { containers_.push_back(container); }
  /// The instance came, changed or went, or a container listed on it has come or gone.
  void instance_changed(std::uint32_t instance) { instances_.push_back(instance); }

 protected:
  const PlanInput& input() const { return input_; }
  const WaitingQueue& caught_up_queue() {
    sort_unique(containers_);
    if (queue_ && containers_.size() <= 100 + input_.containers.size() / kWholesale)
      queue_->update(containers_);
    else
      queue_.emplace(input_, scheduling_order(input_.containers));
    containers_.clear();
    return *queue_;
  }
  /// Instances that changed, each once, for a fleet that is kept: pending ones in the order of asking. Nothing: make a
  /// new one.
  std::optional<std::vector<std::uint32_t>> take_changed_instances() {
    sort_unique(instances_);
    std::vector<std::uint32_t> changed;
    changed.swap(instances_);
    const bool same_limit = max_per_instance_ == input_.limits.max_per_instance;
    max_per_instance_ = input_.limits.max_per_instance;
    if (!same_limit || changed.size() > 100 + input_.instances.size() / kWholesale) return std::nullopt;
    std::stable_sort(changed.begin(), changed.end(), [&](std::uint32_t a, std::uint32_t b) {
      return input_.instances[a].number < input_.instances[b].number;
    });
    return changed;
  }

 private:
  /// Above this share of all, making a thing anew is cheaper than changing it.
  static constexpr std::size_t kWholesale = 4;
  static void sort_unique(std::vector<std::uint32_t>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  }

  const PlanInput& input_;
  std::vector<std::uint32_t> containers_;  // changed since the last pass
  std::vector<std::uint32_t> instances_;
  std::optional<std::int64_t> max_per_instance_;
  std::optional<WaitingQueue> queue_;
};

}  // namespace berth
