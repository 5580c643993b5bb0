#include "listen_address.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

std::string describe(const ListenChoice& choice) {
  std::string text;
  for (const ListenCandidate& c : choice.candidates)
    text += (c.tls ? "tls " : "") + c.address.host + " " + std::to_string(c.address.port) + "\n";
  for (const ListenProblem& p : choice.problems) text += "bad " + p.entry + "\n";
  return text + (choice.not_configured ? "not configured\n" : "");
}

TEST(ListenAddress, ChosenFromInternalUrls) {
  struct Case {
    InternalUrls urls;
    std::string wanted;
    std::string want;
  };
  const InternalUrls two = {{"http://a:1/", ""}, {"https://b:2/", "https://0.0.0.0:3/"}};
  const Case cases[] = {
      {{}, "", ""},
      {{{"http://localhost:9006/", ""}}, "", "localhost 9006\n"},
      {{{"https://[::1]:9006/", ""}}, "", "tls ::1 9006\n"},
      {{{"ws://a:1/", ""}, {"wss://a:2/", ""}}, "", "a 1\ntls a 2\n"},
      {two, "", "a 1\ntls 0.0.0.0 3\n"},
      {two, "http://a:1", "a 1\n"},
      {two, "https://b:2/", "tls 0.0.0.0 3\n"},
      {two, "http://c:4", "c 4\nnot configured\n"},
      {{{"https://a:1/", "http://:8000/"}}, "", "bad https://a:1/\n"},
      {{{"http://a:1/", "http:///"}}, "", "a 1\n"},
      {{{"http://a/", ""}, {"http://a:b/", ""}, {"http://a:70000/", ""}, {"ftp://a:1/", ""}, {"a:1", ""}},
       "",
       "bad a:1\nbad ftp://a:1/\nbad http://a/\nbad http://a:70000/\nbad http://a:b/\n"},
  };
  for (const Case& c : cases) {
    std::string want = c.want;
    EXPECT_EQ(describe(choose_listen_addresses(c.urls, c.wanted)), want) << c.wanted;
  }
}

TEST(ListenAddress, Certificates) {
  TlsConfig tls;
  tls.certificate = "/c";
  tls.key = "/k";
  EXPECT_EQ(certificate_files(tls, "https://h:1/").certificate, "/c");
  EXPECT_EQ(certificate_files(tls, "https://h:1/").key, "/k");
  tls.acme_server = "LE";
  for (const auto& [entry, name] :
       {std::pair{"https://h.example:9006/", "h.example"}, std::pair{"https://H.Example./", "h.example"},
        std::pair{"wss://h.example", "h.example"}, std::pair{"https://[::1]:1/", "[::1]"}}) {
    const std::string file = std::string("/var/lib/arvados/tmp/autocert/") + name;
    EXPECT_EQ(certificate_files(tls, entry).certificate, file) << entry;
    EXPECT_EQ(certificate_files(tls, entry).key, file) << entry;
  }
}

TEST(ListenAddress, AnAcmeCertificateIsThatOfTheAddressThatClientsUse) {
  const ListenChoice choice = choose_listen_addresses({{"https://disp.example:9006/", "https://0.0.0.0:9006/"}}, "");
  ASSERT_EQ(choice.candidates.size(), 1U);
  TlsConfig tls;
  tls.acme_server = "LE";
  EXPECT_EQ(certificate_files(tls, choice.candidates[0].entry).key, "/var/lib/arvados/tmp/autocert/disp.example");
}

}  // namespace
}  // namespace berth
