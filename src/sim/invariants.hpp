#pragma once

#include "cloud_model.hpp"
#include "core.hpp"
#include "record_store.hpp"
#include "watcher.hpp"

namespace berth {

class Invariants final : public SimWatcher {
 public:
  explicit Invariants(SimCore& core) : core_(core) {}
  void look_at(const RecordStore& store, const SimCloud& cloud) {
    store_ = &store;
    cloud_ = &cloud;
  }
  void storm_changed() {}
  void check_all() { (void)core_; }
  void check_end(bool /*all_ended*/) {}

 private:
  SimCore& core_;
  const RecordStore* store_ = nullptr;
  const SimCloud* cloud_ = nullptr;
};

}  // namespace berth
