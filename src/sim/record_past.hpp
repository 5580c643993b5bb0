#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "berth/base/time.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// How records were a while ago.
class RecordPast {
 public:
  /// Of what follows, so much is kept; nothing by default.
  void keep(Duration time) { kept_ = time; }
  /// It is about to change; nothing: it is about to be made.
  void changes(SteadyTime now, const std::string& uuid, const std::optional<Container>& before);
  /// Of those that have changed since then, as they were; nothing: was not there.
  std::map<std::string, std::optional<Container>> since(SteadyTime when) const;

 private:
  struct Before {
    SteadyTime until{};
    std::string uuid;
    std::optional<Container> container;
  };
  Duration kept_{};
  std::deque<Before> changes_;
};

}  // namespace berth
