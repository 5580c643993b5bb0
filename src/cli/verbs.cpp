#include "verbs.hpp"

#include <chrono>
#include <cstdio>
#include <unistd.h>

#include "patience.hpp"
#include "records.hpp"
#include "tables.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

/// How long `cancel` stays to see the end; what runs may need longer to stop.
constexpr Duration kSeeTheEnd = 3s;
/// Of a terminal; elsewhere nothing is cut off.
constexpr std::size_t kStatusColumns = 100;

Result<Json> wait_until_final(DaemonConnection& connection, const std::string& container) {
  for (;;) {
    auto record = patiently(connection, [&] { return read_container(connection, container); });
    if (!record || is_final_record(*record)) return record;
    connection.wait(100ms);
  }
}

/// Whether the request had an end before anything was asked of it.
Result<bool> has_ended(DaemonConnection& connection, const std::string& request) {
  const auto record = read_request(connection, request);
  if (!record) return fail(record.error());
  return text_of(*record, "state") == "Final";
}

/// One look after another until the container is final or time is up. A container that was Locked comes back Queued,
/// and is then cancelled like any that waits.
Result<bool> cancelled_soon(DaemonConnection& connection, const std::string& request) {
  const SteadyTime end = connection.now() + kSeeTheEnd;
  for (;;) {
    const auto answer = connection.api("POST", "/arvados/v1/container_requests/" + request + "/cancel", {});
    if (!answer) return fail(answer.error());
    if (text_of(*answer, "state") == "Final") return true;
    if (connection.now() >= end) return false;
    connection.wait(100ms);
  }
}

void print_held_back(const std::string& uuid) {
  std::fprintf(stderr, "berthctl: priority 0: held back until `berthctl priority %s N`\n", uuid.c_str());
}

}  // namespace

Result<int> submit(DaemonConnection& connection, const SubmitOptions& options) {
  const auto attributes = request_attributes(options);
  if (!attributes) return fail(attributes.error());
  const auto request =
      connection.api("POST", "/arvados/v1/container_requests", {{"container_request", attributes->dump()}});
  if (!request) return fail(request.error());
  const std::string container = text_of(*request, "container_uuid");
  std::printf("%s\n", container.c_str());
  std::fflush(stdout);
  if (options.priority == 0) print_held_back(container);
  if (!options.wait) return 0;
  const auto record = wait_until_final(connection, container);
  if (!record) return fail(record.error());
  if (text_of(*record, "state") == "Cancelled") {
    const std::string why = ending(*record);
    return fail(ErrorKind::failed, container + " was cancelled" + (why.empty() ? "" : ": " + why));
  }
  const auto exit_code = record->find("exit_code");
  return exit_code != record->end() && exit_code->is_number_integer() ? exit_code->get<int>() : 0;
}

Result<void> show_queue(DaemonConnection& connection, bool all) {
  const auto queue = connection.manage("GET", "/arvados/v1/dispatch/containers", {});
  if (!queue) return fail(queue.error());
  const auto held_back = list_containers(
      connection, Json::array({Json::array({"state", "=", "Queued"}), Json::array({"priority", "=", 0})}),
      "created_at desc");
  if (!held_back) return fail(held_back.error());
  Result<Json> ended = Json::object();
  if (all) {  // the dispatcher's own queue forgets them
    const Json filters = Json::array({Json::array({"state", "in", Json::array({"Complete", "Cancelled"})})});
    ended = list_containers(connection, filters, "finished_at desc");
    if (!ended) return fail(ended.error());
  }
  const QueueView view = merge_queue(*queue, *held_back, *ended);
  const auto names = request_names(connection, view.containers);
  const std::size_t status_columns = ::isatty(STDOUT_FILENO) != 0 ? kStatusColumns : std::string::npos;
  std::fputs(render_table(queue_rows(view, names, status_columns)).c_str(), stdout);
  return {};
}

Result<void> show_instances(DaemonConnection& connection) {
  const auto answer = connection.manage("GET", "/arvados/v1/dispatch/instances", {});
  if (!answer) return fail(answer.error());
  std::fputs(render_table(instance_rows(*answer)).c_str(), stdout);
  return {};
}

Result<void> set_priority(DaemonConnection& connection, const std::string& uuid, std::int64_t priority) {
  const auto requests = requests_of(connection, uuid);
  if (!requests) return fail(requests.error());
  for (const std::string& request : *requests) {
    const auto ended = has_ended(connection, request);
    if (!ended) return fail(ended.error().within(request));
    if (*ended) return fail(ErrorKind::conflict, request + " has ended: its priority cannot be changed any more");
    const auto done = change_request(connection, request, {{"priority", priority}});
    if (!done) return fail(done.error().within(request));
    std::printf("%s: priority is %lld now\n", request.c_str(), static_cast<long long>(priority));
  }
  if (priority == 0) print_held_back(uuid);
  return {};
}

Result<void> cancel(DaemonConnection& connection, const std::string& uuid) {
  const auto requests = requests_of(connection, uuid);
  if (!requests) return fail(requests.error());
  for (const std::string& request : *requests) {
    const auto before = has_ended(connection, request);
    if (!before) return fail(before.error().within(request));
    if (*before) {
      std::printf("%s: had ended before; nothing is done\n", request.c_str());
      continue;
    }
    const auto ended = cancelled_soon(connection, request);
    if (!ended) return fail(ended.error().within(request));
    std::printf("%s: %s\n", request.c_str(), *ended ? "ended" : "priority is 0 now; what runs is being stopped");
  }
  return {};
}

Result<void> change_instance(DaemonConnection& connection, const std::string& verb, const std::string& instance) {
  const auto done = connection.manage("POST", "/arvados/v1/dispatch/instances/" + verb, {{"instance_id", instance}});
  if (!done) return fail(done.error());
  std::printf("%s: %s\n", instance.c_str(), verb.c_str());
  return {};
}

}  // namespace berth
