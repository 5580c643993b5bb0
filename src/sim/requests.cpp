#include "requests.hpp"

#include <utility>

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration before_retry = 2s;

}  // namespace

Requests::Requests(SimCore& core, RecordStore& store)
    : core_(core),
      store_(store),
      workload_(core.options.workload),
      requests_(workload_.size()),
      latest_(workload_.size()),
      open_(workload_.size()),
      moves_until_(core.begin) {
  for (std::uint32_t i = 0; i < workload_.size(); ++i) {
    if (workload_[i].parent) {
      Request& parent = requests_[*workload_[i].parent];
      parent.children.push_back(i);
      ++parent.open_children;
    }
    for (const std::uint32_t before : workload_[i].after) requests_[before].dependents.push_back(i);
    requests_[i].waits_for = static_cast<std::uint32_t>(workload_[i].after.size());
  }
}

void Requests::begin() {
  for (std::uint32_t i = 0; i < workload_.size(); ++i)
    if (!workload_[i].parent) plan_if_ready(i);
}

void Requests::plan_if_ready(std::uint32_t index) {
  if (requests_[index].waits_for > 0) return;
  const Duration since_beginning = workload_[index].parent ? Duration{} : core_.elapsed();
  plan(index, std::max(Duration{}, workload_[index].submit - since_beginning));
}

void Requests::plan(std::uint32_t index, Duration delay) {
  if (requests_[index].planned || requests_[index].ended) return;
  requests_[index].planned = true;
  core_.after(delay, [this, index] { submit(index); });
}

void Requests::submit(std::uint32_t index) {
  Request& request = requests_[index];
  if (request.ended) return;
  latest_[index] = store_.add(workload_[index], index, ++request.attempts).uuid();
  submitted_.push_back(latest_[index]);
}

void Requests::on_change(const SimRecord& record) {
  const std::uint32_t index = record.workload_index;
  Request& request = requests_[index];
  if (request.ended || latest_[index] != record.uuid()) return;
  switch (record.container.state) {
    case ContainerState::running:
      moves_for(workload_[index].run_time);
      for (const std::uint32_t child : request.children) plan_if_ready(child);
      return;
    case ContainerState::complete:
      return end(index, true);
    case ContainerState::cancelled:
      for (const std::uint32_t child : request.children) give_up(child);
      if (record.container.priority > 0 && request.attempts < core_.options.attempts_per_request)
        return core_.after(before_retry, [this, index] { submit(index); });
      return end(index, false);
    case ContainerState::queued:
    case ContainerState::locked:
      return;
  }
}

void Requests::end(std::uint32_t index, bool complete) {
  Request& request = requests_[index];
  if (request.ended) return;
  request.ended = true;
  request.complete = complete;
  --open_;
  moves_for(Duration{});
  if (const auto parent = workload_[index].parent; parent && --requests_[*parent].open_children == 0)
    if (const auto done = std::exchange(requests_[*parent].children_done, nullptr)) done();
  for (const std::uint32_t dependent : request.dependents) {
    if (!complete)
      give_up(dependent);
    else if (--requests_[dependent].waits_for == 0 && !workload_[dependent].parent)
      plan_if_ready(dependent);
    else if (requests_[dependent].waits_for == 0 && !latest_[*workload_[dependent].parent].empty())
      plan(dependent, Duration{});
  }
}

/// Nobody wants it any more: what it has already is put on hold for good.
void Requests::give_up(std::uint32_t index) {
  if (requests_[index].ended) return;
  end(index, false);
  if (!latest_[index].empty()) store_.set_priority(latest_[index], 0);
}

std::vector<SimOutcome> Requests::outcomes() const {
  std::vector<SimOutcome> out;
  for (const Request& request : requests_)
    out.push_back(request.complete ? SimOutcome::complete : request.ended ? SimOutcome::failed : SimOutcome::open);
  return out;
}

void Requests::when_children_done(const SimRecord& supervisor, std::function<void()> then) {
  requests_[supervisor.workload_index].children_done = std::move(then);
}

}  // namespace berth
