#include <gtest/gtest.h>

#include "berth/arvados/event_bus.hpp"

namespace berth {
namespace {

std::string outcome(std::string_view text) {
  const auto message = parse_bus_message(text);
  if (!message) return "error " + std::string(to_string(message.error().kind));
  switch (message->kind) {
    case BusMessage::Kind::answer:
      return "answer " + std::to_string(message->status);
    case BusMessage::Kind::other:
      return "other";
    case BusMessage::Kind::change:
      break;
  }
  const auto& change = message->change;
  return "change " + change.uuid + (change.state ? " " + std::string(to_string(*change.state)) : "");
}

struct Case {
  const char* text;
  const char* expected;
};

const Case cases[] = {
    {R"({"msgID":1,"id":5,"uuid":"zzzzz-57u5n-000000000000005","object_uuid":"zzzzz-dz642-000000000000001",)"
     R"("object_kind":"arvados#container","event_type":"update","event_at":"2026-11-28T00:00:00.000000000Z",)"
     R"("properties":{"old_attributes":{"state":"Queued"},"new_attributes":{"state":"Locked"}}})",
     "change zzzzz-dz642-000000000000001 Locked"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001"})", "change zzzzz-dz642-000000000000001"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":{"text":"hello"}})",
     "change zzzzz-dz642-000000000000001"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":null})", "change zzzzz-dz642-000000000000001"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":{"new_attributes":{"state":"Dreaming"}}})",
     "change zzzzz-dz642-000000000000001"},
    {R"({"object_uuid":"zzzzz-xvhdp-000000000000001","properties":{"new_attributes":{"state":"Committed"}}})",
     "change zzzzz-xvhdp-000000000000001"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","status":200})", "change zzzzz-dz642-000000000000001"},
    {R"({"object_uuid":"zzzzz-tpzed-000000000000001"})", "other"},
    {R"({"object_uuid":"zzzzz-dz642-../../etc/passwd"})", "other"},
    {R"({"object_uuid":null,"properties":[1]})", "other"},
    {R"({"status":200})", "answer 200"},
    {R"({"status":400})", "answer 400"},
    {R"({})", "other"},
    {R"({"something":{"new":[]}})", "other"},
    {R"({"object_uuid":7})", "error type mismatch"},
    {R"({"status":"200"})", "error type mismatch"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":[1]})", "error type mismatch"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":{"new_attributes":"x"}})", "error type mismatch"},
    {R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":{"new_attributes":{"state":1}}})",
     "error type mismatch"},
    {R"([])", "error type mismatch"},
    {R"("text")", "error type mismatch"},
    {"", "error undecodable"},
    {"<html>", "error undecodable"},
    {R"({"status":)", "error undecodable"},
    {"{\"a\":\"\xff\"}", "error undecodable"},
};

TEST(ParseBusMessage, Table) {
  for (const Case& c : cases) EXPECT_EQ(outcome(c.text), c.expected) << c.text;
}

TEST(ParseBusMessage, IsBounded) {
  EXPECT_EQ(outcome(std::string(100, '[')), "error undecodable");
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 200'000; ++i) many += ",0";
  EXPECT_EQ(outcome(many + "]}"), "error undecodable");
}

}  // namespace
}  // namespace berth
