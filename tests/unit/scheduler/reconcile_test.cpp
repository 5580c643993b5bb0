#include "reconcile.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using enum ContainerState;
using Action = ReconcileAction;

constexpr SteadyTime kExit{std::chrono::hours(1)};

enum class Process {
  absent,
  alive,
  exited,         ///< and no poll has begun since
  exited_before,  ///< a poll has begun after it
};

ReconcileInput input(ContainerState state, Process process, std::int64_t priority, bool unknown_workers) {
  ReconcileInput in{state, priority, {}, unknown_workers, kExit};
  in.process.in_pool = process != Process::absent;
  if (process == Process::exited || process == Process::exited_before) in.process.exited = kExit;
  if (process == Process::exited_before) in.queue_updated = kExit + Duration(1);
  return in;
}

TEST(Reconcile, Table) {  // facts §5.8; row by row, priority 0 and above, and with and without unknown workers
  struct Row {
    ContainerState state;
    Process process;
    Action priority_zero, priority_above;
  };
  const Row rows[] = {
      {running, Process::absent, Action::cancel, Action::cancel},
      {running, Process::alive, Action::kill, Action::none},
      {running, Process::exited, Action::none, Action::none},  // facts: kill, that is, clear the placeholder
      {running, Process::exited_before, Action::cancel, Action::cancel},
      {complete, Process::absent, Action::forget, Action::forget},
      {complete, Process::alive, Action::kill, Action::kill},
      {complete, Process::exited, Action::kill, Action::kill},
      {complete, Process::exited_before, Action::kill, Action::kill},
      {cancelled, Process::absent, Action::forget, Action::forget},
      {cancelled, Process::alive, Action::kill, Action::kill},
      {cancelled, Process::exited, Action::kill, Action::kill},
      {cancelled, Process::exited_before, Action::kill, Action::kill},
      {queued, Process::absent, Action::forget, Action::none},
      {queued, Process::alive, Action::kill, Action::kill},
      {queued, Process::exited, Action::kill, Action::kill},
      {queued, Process::exited_before, Action::kill, Action::kill},
      {locked, Process::absent, Action::requeue, Action::none},
      {locked, Process::alive, Action::kill, Action::none},
      {locked, Process::exited, Action::none, Action::none},
      {locked, Process::exited_before, Action::requeue, Action::requeue},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(to_string(row.state)) + " " + std::to_string(static_cast<int>(row.process)));
    for (bool unknown_workers : {false, true}) {
      const bool wait = unknown_workers && row.state == running &&
                        (row.process == Process::absent || row.process == Process::exited_before);
      EXPECT_EQ(reconcile(input(row.state, row.process, 0, unknown_workers)), wait ? Action::none : row.priority_zero);
      EXPECT_EQ(reconcile(input(row.state, row.process, 5, unknown_workers)), wait ? Action::none : row.priority_above);
    }
  }
}

TEST(Reconcile, WhatWasJustStartedIsNotKilledForAnOldPage) {
  ReconcileInput in = input(queued, Process::alive, 5, false);
  in.process.started = kExit;
  in.queue_updated = kExit + oldest_page - Duration(1);
  EXPECT_EQ(reconcile(in), Action::none);
  in.queue_updated = kExit + oldest_page;
  EXPECT_EQ(reconcile(in), Action::kill);
  in.process.exited = kExit;
  in.queue_updated = kExit + Duration(1);
  EXPECT_EQ(reconcile(in), Action::kill) << "its placeholder is cleared";
}

TEST(Reconcile, AnExitNeedsAPollAfterIt) {
  ReconcileInput in = input(running, Process::exited, 5, false);
  in.queue_updated.reset();
  EXPECT_EQ(reconcile(in), Action::none);
}

}  // namespace
}  // namespace berth
