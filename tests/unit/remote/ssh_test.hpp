#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/beat.hpp"
#include "berth/base/blocking.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/signal.hpp"
#include "berth/remote/ssh.hpp"

#include "sim_test.hpp"
#include "ssh_stub.hpp"

namespace berth {

inline Command command(std::string text, std::string stdin_data = "") {
  Command c;
  c.text = std::move(text);
  c.stdin_data = std::move(stdin_data);
  c.deadline = std::chrono::seconds(60);
  return c;
}

inline std::string make_private_key() {
  ssh_key key = nullptr;
  ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key);
  const std::string path = testing::TempDir() + "key-" + std::to_string(::getpid());
  ssh_pki_export_privkey_file(key, nullptr, nullptr, nullptr, path.c_str());
  ssh_key_free(key);
  std::string text;
  if (FILE* file = std::fopen(path.c_str(), "r")) {
    text.resize(10000);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
  }
  ::unlink(path.c_str());
  return text;
}

/// A command that runs beside the test.
struct Launched {
  std::optional<Result<CommandOutput>> result;
  Signal done;
  Subscription ended = done.subscribe();
  asio::cancellation_signal stop;
};
using LaunchedPtr = std::shared_ptr<Launched>;

/// Starts it on the caller's strand.
inline awaitable<LaunchedPtr> launch(Executor& worker, Command what) {
  auto launched = std::make_shared<Launched>();
  auto body = [](Executor& w, Command c, LaunchedPtr l) -> awaitable<void> {
    l->result = co_await w.execute(std::move(c));
    l->done.notify();
  };
  asio::co_spawn(co_await asio::this_coro::executor, body(worker, std::move(what), launched),
                 asio::bind_cancellation_slot(launched->stop.slot(), [launched](const std::exception_ptr& error) {
                   if (error) launched->result = fail(ErrorKind::internal, "cancelled");
                   launched->done.notify();
                 }));
  co_return launched;
}

inline awaitable<Result<CommandOutput>> finish(LaunchedPtr launched) {
  while (!launched->result) co_await launched->ended.wait();
  co_return *launched->result;
}

/// An executor for a stub server, on a real loop of two threads.
struct SshBed {
  SshStub stub;
  RealRuntime runtime{2};
  Metrics metrics;
  std::shared_ptr<LineSink> log = make_line_sink();
  SshOptions options{.address = "127.0.0.1", .default_port = stub.port(), .key = *SshKey::parse(make_private_key())};
  int checks = 0;
  Result<void> verdict;
  std::vector<std::string> checked_keys;

  explicit SshBed(const std::string& host = "127.0.0.1") : stub(host) {
    options.connect_limit = std::make_shared<SshConnectLimit>(1);
    options.first_back_off = std::chrono::milliseconds(1);
    options.check_host = [this](std::string key, Executor&) -> awaitable<Result<void>> {
      ++checks;
      checked_keys.push_back(std::move(key));
      co_return verdict;
    };
  }

  /// Waits until the stub has seen this; not on the loop's threads.
  awaitable<bool> sees(std::function<bool(const SshStubCounts&)> holds) {
    co_return co_await run_blocking(runtime, [this, holds] { return stub.wait_until(holds); });
  }

  /// Waits until the metrics hold this line.
  awaitable<void> shows(std::string line) {
    while (metrics.text().find("\n" + line + "\n") == std::string::npos) co_await beat_on(runtime.executor());
  }

  /// Runs `body` to its end.
  void run(const std::function<awaitable<void>(Executor&)>& body) {
    auto executor = make_ssh_executor(runtime, metrics, log->log(), options);
    auto whole = [](SshBed& bed, Executor& worker,
                    const std::function<awaitable<void>(Executor&)>& b) -> awaitable<void> {
      co_await b(worker);
      worker.close();
      bed.runtime.stop();
    };
    asio::co_spawn(runtime.make_strand(), whole(*this, *executor, body), asio::detached);
    runtime.run();
  }
};

inline void expect_error(const Result<CommandOutput>& result, ErrorKind kind, std::string_view says) {
  if (result) {
    ADD_FAILURE() << "succeeded with " << result->exit_status << "; expected: " << says;
    return;
  }
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
}

inline void expect_output(const Result<CommandOutput>& result, std::string_view output) {
  if (!result)
    ADD_FAILURE() << result.error().message;
  else
    EXPECT_EQ(result->stdout_text, output);
}

}  // namespace berth
