#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "berth/base/fd.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth::runner {

struct Pipe {
  Fd read_end;
  Fd write_end;
};
/// Both ends close on exec.
Result<Pipe> make_pipe();

/// `what: the text of errno`; exhausted if a limit of the system was reached, else failed.
Error system_error(const std::string& what, int error);

Result<void> write_all(int fd, std::string_view bytes);
/// Reads to the end. Errors: exhausted beyond `bound` bytes, failed.
Result<std::string> read_all(int fd, std::size_t bound);
/// The whole of a small file. Errors: not_found, exhausted, failed.
Result<std::string> read_file(const std::string& path, std::size_t bound);

/// A descriptor that becomes readable when the process has ended; empty if there is no such process.
Fd open_process(int pid);
bool send_signal(const Fd& process, int signal);
/// Milliseconds from now until `when` for poll(): at least 0, rounded up.
int poll_timeout(SteadyTime when);

}  // namespace berth::runner
