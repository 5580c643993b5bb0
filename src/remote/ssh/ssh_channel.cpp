#include "ssh_channel.hpp"

#include <algorithm>
#include <array>
#include <signal.h>

namespace berth {
namespace {

constexpr std::size_t write_piece = 32 * 1024;  // larger ones only fill libssh's own buffer
/// What a stream's caller may be behind before its command has to wait.
constexpr std::size_t stream_buffer = 256 * 1024;
constexpr int longest_backlog = 8 << 20;  // bytes that libssh may hold for it; its window is 1.3 MB

}  // namespace

int exit_status_of_signal(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, int>, 15> numbers{{{"ABRT", SIGABRT},
                                                                      {"ALRM", SIGALRM},
                                                                      {"BUS", SIGBUS},
                                                                      {"FPE", SIGFPE},
                                                                      {"HUP", SIGHUP},
                                                                      {"ILL", SIGILL},
                                                                      {"INT", SIGINT},
                                                                      {"KILL", SIGKILL},
                                                                      {"PIPE", SIGPIPE},
                                                                      {"QUIT", SIGQUIT},
                                                                      {"SEGV", SIGSEGV},
                                                                      {"SYS", SIGSYS},
                                                                      {"TERM", SIGTERM},
                                                                      {"USR1", SIGUSR1},
                                                                      {"USR2", SIGUSR2}}};
  const auto* found = std::find_if(numbers.begin(), numbers.end(), [&](const auto& n) { return n.first == name; });
  return found == numbers.end() ? 255 : 128 + found->second;
}

// libssh calls these from inside any of its functions: they only note what happened.
SshChannel::SshChannel(ssh_session session, std::shared_ptr<SshCommand> command)
    : session_(session), command_(std::move(command)) {
  ssh_callbacks_init(&callbacks_);
  callbacks_.userdata = this;
  callbacks_.channel_data_function = [](ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr,
                                        void* self) -> int {
    return static_cast<SshChannel*>(self)->take_output({static_cast<const char*>(data), size}, is_stderr != 0);
  };
  callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
    static_cast<SshChannel*>(self)->status_ = status & 0xff;
  };
  callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int, const char*,
                                               const char*, void* self) {
    static_cast<SshChannel*>(self)->signal_ = std::string_view(signal == nullptr ? "" : signal).substr(0, 16);
  };
  callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<SshChannel*>(self)->closed_by_server_ = true;
  };
}

SshChannel::~SshChannel() {
  if (channel_ == nullptr) return;
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  ssh_channel_free(channel_);
}

void SshChannel::step() {
  if (stage_ == Stage::opening) open();
  if (stage_ == Stage::requesting) request();
  if (stage_ == Stage::running) run();
  if (stage_ == Stage::closing) close();
}

void SshChannel::open() {
  if (channel_ == nullptr) {
    if (command_->abandoned) {
      stage_ = Stage::gone;
      return;
    }
    channel_ = ssh_channel_new(session_);
    if (channel_ == nullptr) {
      stage_ = Stage::refused;
      return;
    }
    ssh_set_channel_callbacks(channel_, &callbacks_);
  }
  // Not to be given up half-way: the server's channel would stay for ever.
  const int result = ssh_channel_open_session(channel_);
  if (result == SSH_AGAIN) return;
  if (result != SSH_OK)
    stage_ = Stage::refused;
  else
    stage_ = command_->abandoned ? Stage::closing : Stage::requesting;
}

void SshChannel::request() {
  if (!command_->sent) command_->sent = true;
  const int result = ssh_channel_request_exec(channel_, command_->command.text.c_str());
  if (result == SSH_AGAIN) return;
  if (result != SSH_OK) {
    command_->finish(fail(ErrorKind::denied, "the worker's SSH server refused to run the command"));
    stage_ = Stage::closing;
  } else {
    stage_ = Stage::running;
  }
}

void SshChannel::run() {
  if (command_->abandoned) return kill();
  write_input();
  if (command_->use == ChannelUse::stream) take_lines();
  if (too_much_) {
    command_->finish(
        fail(ErrorKind::exhausted,
             "the command wrote more than " + std::to_string(command_->command.max_output) + " bytes and was killed"));
    return kill();
  }
  if (!closed_by_server_) return;
  if (command_->use == ChannelUse::stream && ssh_channel_poll(channel_, 0) > 0) return;
  command_->finish(exit_status());
  stage_ = Stage::closing;
}

void SshChannel::write_input() {
  std::string_view input = command_->command.stdin_data.view();
  StreamInput* more = command_->command.input.get();
  if (more != nullptr && written_ == input.size()) {
    command_->command.stdin_data = more->take();
    input = command_->command.stdin_data.view();
    written_ = 0;
  }
  while (written_ < input.size() && !closed_by_server_) {
    const bool full = (ssh_get_status(session_) & SSH_WRITE_PENDING) != 0;
    if (full || ssh_channel_window_size(channel_) == 0) return;
    const std::size_t piece = std::min(input.size() - written_, write_piece);
    const int size = ssh_channel_write(channel_, input.data() + written_, static_cast<std::uint32_t>(piece));
    if (size < 0) written_ = input.size();  // the command does not want more, which is its business
    if (size == 0) return;
    if (size > 0) written_ += static_cast<std::size_t>(size);
  }
  if (written_ < input.size() || more != nullptr || eof_sent_ || closed_by_server_) return;
  ssh_channel_send_eof(channel_);
  eof_sent_ = true;
}

int SshChannel::take_output(std::string_view bytes, bool is_stderr) {
  const int size = static_cast<int>(bytes.size());
  if (command_->end || command_->abandoned) return size;
  if (command_->use == ChannelUse::stream) return is_stderr ? size : 0;  // take_lines() reads, when there is room
  const std::size_t have = command_->stdout_text.size() + command_->stderr_text.size();
  too_much_ = too_much_ || have + bytes.size() > command_->command.max_output;
  if (!too_much_) (is_stderr ? command_->stderr_text : command_->stdout_text).append(bytes);
  return size;
}

void SshChannel::take_lines() {
  // libssh keeps at most a window of what was not read, and tells the server when there is room again.
  std::array<char, 16 * 1024> buffer;
  std::string& lines = command_->stdout_text;
  const std::size_t before = lines.size();
  while (lines.size() < stream_buffer) {
    const int size = ssh_channel_read_nonblocking(channel_, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    lines.append(buffer.data(), static_cast<std::size_t>(size));
  }
  if (lines.size() > before) command_->changed.notify();
  overrun_ = ssh_channel_poll(channel_, 0) > longest_backlog;
}

void SshChannel::kill() {
  // sshd answers a close by waiting for the command's end; with the signal, that comes at once.
  ssh_channel_request_send_signal(channel_, "KILL");
  stage_ = Stage::closing;
}

void SshChannel::close() {
  if (!close_sent_) {
    // Returns SSH_AGAIN also after it has only sent the end of file.
    const int result = ssh_channel_close(channel_);
    close_sent_ = result != SSH_AGAIN;
  }
  if (close_sent_ && closed_by_server_) stage_ = Stage::gone;
}

Result<int> SshChannel::exit_status() const {
  if (!signal_.empty()) return exit_status_of_signal(signal_);
  if (status_ >= 0) return status_;
  return fail(ErrorKind::network, "the worker closed the command's channel without its exit status");
}

}  // namespace berth
