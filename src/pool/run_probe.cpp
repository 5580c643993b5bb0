#include "run_probe.hpp"

#include "berth/model/container.hpp"

namespace berth {
namespace {

/// Takes the first line off `rest`; a carriage return at its end is dropped.
std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_ours(std::string_view uuid, std::string_view cluster_id) {
  return uuid.starts_with(cluster_id) && is_container_uuid(uuid);
}

void read_line(std::string_view line, std::string_view cluster_id, RunProbe& probe) {
  if (line == "broken") {
    probe.broken = true;
    return;
  }
  const auto space = line.find(' ');
  const std::string_view uuid = line.substr(0, space);
  if (!is_ours(uuid, cluster_id)) return;
  if (space == std::string_view::npos)
    probe.running.emplace(uuid);
  else if (line.substr(space + 1) == "stale")
    probe.stale.emplace(uuid);
}

}  // namespace

Result<RunProbe> parse_run_probe(std::string_view output, std::string_view cluster_id) {
  RunProbe probe;
  while (!output.empty()) {
    read_line(take_line(output), cluster_id, probe);
    if (probe.running.size() + probe.stale.size() > max_listed_containers)
      return fail(ErrorKind::exhausted,
                  "the runner lists more than " + std::to_string(max_listed_containers) + " containers");
  }
  return probe;
}

}  // namespace berth
