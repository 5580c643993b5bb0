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
/// The files with which https is served for `entry`, the URL that clients use: those of the configuration or, if
/// TLS.ACME.Server is set, what an ACME client keeps in /var/lib/arvados/tmp/autocert (facts §1.3). That folder is
/// written by the package autocert of golang.org/x/crypto, whose DirCache calls a file after the host in lower case,
/// without a final dot, and puts private key and certificates into it, one PEM after the other. Berth reads the file
/// (again on SIGHUP and every hour), and never asks for a certificate itself.
CertificateFiles certificate_files(const TlsConfig& tls, const std::string& entry);

}  // namespace berth
