#include "record_past.hpp"

namespace berth {

void RecordPast::changes(SteadyTime now, const std::string& uuid, const std::optional<Container>& before) {
  if (kept_ <= Duration{}) return;
  while (!changes_.empty() && changes_.front().until < now - kept_) changes_.pop_front();
  changes_.push_back({now, uuid, before});
}

std::map<std::string, std::optional<Container>> RecordPast::since(SteadyTime when) const {
  std::map<std::string, std::optional<Container>> out;
  for (const Before& before : changes_)
    if (before.until > when) out.try_emplace(before.uuid, before.container);  // the first change tells how it was
  return out;
}

}  // namespace berth
