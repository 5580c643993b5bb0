#pragma once

#include <optional>
#include <string>
#include <utility>

#include "polled_records.hpp"

namespace berth {

/// At most one change of a container at a time. Belongs to one strand.
class Exclusion {
 public:
  /// Holds a uuid while it lives.
  class Hold {
   public:
    Hold(Exclusion& owner, std::string uuid) : owner_(&owner), uuid_(std::move(uuid)) {}
    Hold(Hold&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), uuid_(std::move(other.uuid_)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (owner_) owner_->busy_.erase(uuid_);
    }

   private:
    Exclusion* owner_;
    std::string uuid_;
  };

  /// Nothing if somebody holds it.
  std::optional<Hold> try_hold(const std::string& uuid) {
    if (!busy_.insert(uuid).second) return std::nullopt;
    return Hold(*this, uuid);
  }
  const UuidSet& busy() const { return busy_; }

 private:
  UuidSet busy_;
};

}  // namespace berth
