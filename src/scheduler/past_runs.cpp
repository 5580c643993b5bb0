#include "past_runs.hpp"

#include "seconds.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration kPast = 24h;
constexpr Duration kLongest = 24h * 183;  // more is nonsense
constexpr std::int64_t kPage = 100;       // records have mounts, which may be large
constexpr std::int64_t kMost = 1000;
constexpr Duration kPause = 1s;   // after a page
constexpr Duration kRetry = 30s;  // after an error
constexpr int kMostErrors = 5;

}  // namespace

std::vector<PastRun> past_runs(const std::vector<FinishedContainer>& finished, const ChooseTypesOptions& choose,
                               WallTime by) {
  std::vector<PastRun> runs;
  for (const auto& [container, started_at, finished_at] : finished) {
    if (container.state != ContainerState::complete || finished_at > by) continue;
    if (started_at <= WallTime{} || started_at > finished_at || finished_at - started_at > kLongest) continue;
    runs.push_back({container.container_image, needed_resources(container, choose), seconds(finished_at - started_at)});
  }
  return runs;
}

awaitable<void> read_past_runs(Runtime& runtime, Logger log, ContainerApi& api, ChooseTypesOptions choose,
                               std::function<void(const std::vector<PastRun>&)> learn) {
  FinishedQuery query;
  query.until = runtime.wall_now();
  query.since = query.until - kPast;
  query.limit = kPage;
  std::size_t learned = 0;
  for (int errors = 0; query.offset < kMost;) {
    const Result<FinishedPage> page = co_await api.list_finished(query);
    if (!page) {
      log.info("how long containers ran before could not be read", {{"error", page.error().message}});
      if (++errors == kMostErrors) co_return;
      co_await runtime.sleep_for(kRetry);
      continue;
    }
    errors = 0;
    if (page->records == 0) break;
    const std::vector<PastRun> runs = past_runs(page->containers, choose, query.until);
    learn(runs);
    learned += runs.size();
    query.offset += page->records;
    co_await runtime.sleep_for(kPause);
  }
  log.info("learned how long containers ran before", {{"Containers", learned}});
}

}  // namespace berth
