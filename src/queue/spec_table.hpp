#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "berth/queue/queue_entries.hpp"

namespace berth {

/// Has equal specs share one value while entries use them. Belongs to one strand.
class SpecTable {
 public:
  using Spec = std::shared_ptr<const QueueSpec>;

  Spec share(Spec spec) {
    const auto [same, fresh] = specs_.insert(std::move(spec));
    Spec shared = *same;
    if (fresh && specs_.size() > 2 * used_ + spare) forget_unused();
    return shared;
  }
  std::size_t size() const { return specs_.size(); }

 private:
  static constexpr std::size_t spare = 1000;
  struct ByValue {
    bool operator()(const Spec& a, const Spec& b) const { return *a < *b; }
  };

  void forget_unused() {
    std::erase_if(specs_, [](const Spec& spec) { return spec.use_count() == 1; });
    used_ = specs_.size();
  }

  std::set<Spec, ByValue> specs_;
  std::size_t used_ = 0;  // when it was last asked
};

}  // namespace berth
