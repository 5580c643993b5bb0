#include "lives.hpp"

#include <utility>

namespace berth {

InstanceLife* LifeRecorder::find(std::string_view id) {
  const auto found = instances_.find(std::string(id));
  return found == instances_.end() ? nullptr : &lives_.instances[found->second];
}

void LifeRecorder::on_event(const SimEvent& event) {
  switch (event.kind) {
    case SimEventKind::instance_created: {
      const auto type = types_.find(std::string(event.detail));
      if (type == types_.end()) return;
      instances_[std::string(event.instance)] = static_cast<std::uint32_t>(lives_.instances.size());
      lives_.instances.push_back({&type->second, event.at, std::nullopt, std::nullopt});
      return;
    }
    case SimEventKind::instance_booted:
      if (InstanceLife* life = find(event.instance)) life->booted = event.at;
      return;
    case SimEventKind::instance_died:
    case SimEventKind::instance_destroyed:
      if (event.kind == SimEventKind::instance_died) ++lives_.instances_died;
      if (InstanceLife* life = find(event.instance); life && !life->ended) life->ended = event.at;
      return;
    case SimEventKind::runner_began:
      if (const auto found = instances_.find(std::string(event.instance)); found != instances_.end())
        placements_[std::string(event.container)] = found->second;
      return;
    case SimEventKind::create_refused:
      ++lives_.creates_refused;
      lives_.last_refusal = event.detail;
      return;
    default:
      return;
  }
}

Lives LifeRecorder::take(const SimWorld& world) {
  lives_.span = world.elapsed();
  lives_.events = world.events();
  lives_.event_hash = world.event_hash();
  for (const SimContainerRecord& record : world.containers()) {
    ContainerLife life;
    life.workload_index = record.workload_index;
    life.attempt = record.attempt;
    life.submitted = record.submitted;
    life.started = record.started;
    life.ended = record.ended;
    life.complete = record.state == ContainerState::complete;
    if (const auto found = placements_.find(record.uuid); found != placements_.end()) life.instance = found->second;
    life.error = record.error;
    lives_.containers.push_back(std::move(life));
  }
  lives_.outcomes = world.outcomes();
  lives_.stuck = world.stuck();
  instances_.clear();
  placements_.clear();
  return std::exchange(lives_, {});
}

}  // namespace berth
