#include "ssh_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(SshExecutor, RunsCommandsOverOneConnection) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const struct {
      std::string text, input, out, err;
      int status;
    } cases[] = {
        {"true", "", "", "", 0},
        {"exit 7", "", "", "", 7},
        {"echo hello", "", "hello\n", "", 0},
        {"error oops", "", "", "oops\n", 1},
        {"cat", "in put", "in put", "", 0},
        {"die KILL", "", "", "", 137},
        {"true", std::string(3 << 20, 'x'), "", "", 0},
    };
    for (const auto& c : cases) {
      const auto result = co_await worker.execute(command(c.text, c.input));
      if (!result) ADD_FAILURE() << c.text << ": " << result.error().message;
      if (!result) continue;
      EXPECT_EQ(result->exit_status, c.status) << c.text;
      EXPECT_EQ(result->stdout_text, c.out) << c.text;
      EXPECT_EQ(result->stderr_text, c.err) << c.text;
    }
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
  EXPECT_EQ(bed.stub.counts().commands, 7);
  EXPECT_EQ(bed.checks, 1);
}

}  // namespace
}  // namespace berth
