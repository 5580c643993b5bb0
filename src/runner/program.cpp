#include "program.hpp"

#include <cstdio>
#include <sys/prctl.h>
#include <unistd.h>

#include "args.hpp"
#include "detach.hpp"
#include "list.hpp"
#include "run.hpp"
#include "watch.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t max_prices = 16 << 20;

int list_with_prices(const LockDirectory& locks) {
  const auto prices = read_all(STDIN_FILENO, max_prices);
  if (!prices) std::fprintf(stderr, "berth-run: prices: %s\n", prices.error().message.c_str());
  if (prices && !prices->empty())
    if (const auto stored = locks.store_prices(*prices); !stored)
      std::fprintf(stderr, "berth-run: prices: %s\n", stored.error().message.c_str());
  return list_containers(locks);
}

}  // namespace

int run_program(const std::vector<std::string>& words) {
  const auto arguments = parse_arguments(words);
  if (!arguments) {
    std::fprintf(stderr, "berth-run: %s\n%s", arguments.error().message.c_str(), usage().c_str());
    return 2;
  }
  const LockDirectory locks = LockDirectory::from_environment();
  switch (arguments->mode) {
    case Mode::help:
      std::fputs(usage().c_str(), stdout);
      return 0;
    case Mode::version:
      std::puts("berth-run " BERTH_VERSION);
      return 0;
    case Mode::list:
      return arguments->stdin_prices ? list_with_prices(locks) : list_containers(locks);
    case Mode::watch:
      return watch_containers(locks);
    case Mode::kill:
      return kill_container(locks, arguments->uuid, arguments->signal);
    case Mode::detach:
      return detach(locks, arguments->uuid, words);
    case Mode::run:
      ::prctl(PR_SET_NAME, "berth-run");  // a detached runner was started as /proc/self/exe
      return run_container(locks, *arguments);
  }
  return 1;
}

}  // namespace berth::runner
