#pragma once

namespace berth {

/// What a command asks of the connection.
enum class ChannelUse { brief, stream, background };

/// How the channels of one connection are used, and who may open the next (pure).
struct ChannelLoad {
  static constexpr int most = 9;  ///< sshd's MaxSessions is 10; one stays for an administrator's multiplexed login
  int limit = most;
  int brief = 0;
  int streams = 0;
  int background = 0;

  int used() const { return brief + streams + background; }
  /// Background commands leave the last free channel to brief ones; so does the stream, of which there is one.
  bool admits(ChannelUse use) const {
    const int free = limit - used();
    if (use == ChannelUse::brief) return free >= 1;
    if (use == ChannelUse::stream) return streams == 0 && free >= 2;
    return free >= 2 || (limit == 1 && free == 1);
  }
  int& count(ChannelUse use) {
    if (use == ChannelUse::brief) return brief;
    return use == ChannelUse::stream ? streams : background;
  }
};

}  // namespace berth
