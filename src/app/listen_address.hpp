#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/config/cluster.hpp"

namespace berth {

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};
/// `host:port`, `[v6]:port`. Errors: invalid.
Result<ListenAddress> parse_listen_address(const std::string& text);

/// An entry of Services.DispatchCloud.InternalURLs that may be listened on.
struct ListenCandidate {
  std::string entry;  ///< the URL by which the configuration knows it
  ListenAddress address;
  bool tls = false;
};
struct ListenProblem {
  std::string entry;
  std::string message;
};
struct ListenChoice {
  std::vector<ListenCandidate> candidates;  ///< the first that can be bound is taken
  std::vector<ListenProblem> problems;      ///< entries that cannot be listened on at all
  bool not_configured = false;              ///< `wanted` is not in the configuration, and used all the same
};
/// Each entry's ListenURL if it has a host, else the entry itself (facts §1.6). `wanted`: only this entry, whether or
/// not it ends with `/`; empty: all.
ListenChoice choose_listen_addresses(const InternalUrls& urls, const std::string& wanted);

struct CertificateFiles {
  std::string certificate;
  std::string key;
};
/// The files with which https is served on `host`: those of the configuration, or what an ACME client keeps for the
/// host, certificate and key in one file (facts §1.3).
CertificateFiles certificate_files(const TlsConfig& tls, const std::string& host);

}  // namespace berth
