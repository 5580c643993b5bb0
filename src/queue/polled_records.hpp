#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/model/container.hpp"

namespace berth {

using RecordMap = std::map<std::string, Container, std::less<>>;
using UuidSet = std::set<std::string, std::less<>>;

/// What the lists of one poll said (facts §2.2 B, C, D).
struct PolledRecords {
  /// B: locked by our token; `locked_by_uuid` filled in. Of known containers state and priority alone.
  RecordMap held;
  std::vector<std::string> held_as_known;  ///< B, too: those of which the cache said the same; ascending
  RecordMap window;                        ///< C: Queued with priority above 0, highest first
  bool window_complete = true;             ///< C came to its end: there are no other such containers
  RecordMap
      missing;  ///< D: others of the cache, asked for by uuid; those that are gone from the database are not in it

  UuidSet unreadable() const {
    UuidSet out;
    for (const RecordMap* records : {&held, &window, &missing})
      for (const auto& [uuid, record] : *records)
        if (!record.unreadable.empty()) out.insert(uuid);
    return out;
  }
};

}  // namespace berth
