#include "apiserver/front_door.h"

namespace sampan::apiserver {
namespace {

class Dice final : public Random {
 public:
  uint64_t next() override { return number; }
  uint64_t number = 0;
};

std::string header(const net::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

TEST(FrontDoor, FlagsAreChecked) {
  Dice dice;
  struct Case {
    FrontDoorConfig config;
    std::string_view complaint;  // its beginning; "" = fine
  } cases[] = {
      {{.cors_origins = {"//a\\.example(:|$)"}, .hsts = {"max-age=31536000", "includeSubDomains", "preload"}, .goaway_chance = 0.02}, ""},
      {{.cors_origins = {""}}, "empty value in --cors-allowed-origins"},
      {{.cors_origins = {"^(a$"}}, "--cors-allowed-origins has an invalid regular expression: error parsing regexp: missing )"},
      {{.cors_origins = {"a.example"}}, "--cors-allowed-origins has an invalid regular expression: regular expression does not pin to start/end of host"},
      {{.cors_origins = {"//a.example"}}, "--cors-allowed-origins has an invalid regular expression: regular expression does not pin"},
      {{.hsts = {" "}}, "empty value in strict-transport-security-directives"},
      {{.hsts = {"max-age"}}, "--strict-transport-security-directives invalid, allowed values"},
      {{.hsts = {"max-age=1=2"}}, "--strict-transport-security-directives invalid"},
      {{.goaway_chance = 0.03}, "--goaway-chance can not be less than 0 or greater than 0.02"},
  };
  for (auto& it : cases) {
    auto door = FrontDoor::create(it.config, dice);
    EXPECT_EQ(door.has_value(), it.complaint.empty());
    if (door) continue;
    EXPECT_TRUE(door.error().message().starts_with(it.complaint)) << door.error().message();
  }
}

TEST(FrontDoor, OtherOriginsAreToldWhatTheyMay) {
  Dice dice;
  auto door = std::move(*FrontDoor::create({.cors_origins = {"//a\\.example(:|$)"}, .hsts = {"max-age=1", "preload"}}, dice));
  auto asked = [](std::string method, std::string origin) {
    net::Request request;
    request.method = method;
    request.path = "/api";
    if (!origin.empty()) request.headers.emplace_back("origin", origin);
    return request;
  };
  auto preflight = asked("OPTIONS", "https://a.example:8080");
  auto away = door->turn_away(preflight, false);
  ASSERT_TRUE(away);
  EXPECT_EQ(away->status, 204);
  door->dress(preflight, *away);
  EXPECT_EQ(header(*away, "access-control-allow-origin"), "https://a.example:8080");
  EXPECT_EQ(header(*away, "access-control-allow-credentials"), "true");
  EXPECT_EQ(header(*away, "strict-transport-security"), "max-age=1; preload");
  for (std::string origin : {"", "https://b.example", "https://a.example.evil"}) {
    auto request = asked("OPTIONS", origin);
    EXPECT_FALSE(door->turn_away(request, false)) << origin;
    net::Response response;
    door->dress(request, response);
    EXPECT_EQ(header(response, "access-control-allow-origin"), "") << origin;
  }
  EXPECT_FALSE(door->turn_away(asked("GET", "https://a.example"), false));
}

TEST(FrontDoor, ClientsAreSentToOtherServers) {
  Dice dice;
  auto door = std::move(*FrontDoor::create({.goaway_chance = 0.01, .sends_away_on_shutdown = true}, dice));
  net::Request request;
  request.path = "/api/v1/pods";
  EXPECT_FALSE(door->turn_away(request, false));
  auto away = door->turn_away(request, true);
  ASSERT_TRUE(away);
  EXPECT_EQ(away->status, 429);
  EXPECT_EQ(header(*away, "retry-after"), "5");
  EXPECT_TRUE(away->closes);
  request.path = "/livez";
  EXPECT_FALSE(door->turn_away(request, true));
  auto closes = [&](uint64_t thrown, bool http2) {
    net::Response response;
    request.http2 = http2;
    dice.number = thrown;
    door->dress(request, response);
    return response.closes;
  };
  EXPECT_TRUE(closes(0, true));
  EXPECT_FALSE(closes(0, false));
  EXPECT_FALSE(closes(10'001, true));
}

}  // namespace
}  // namespace sampan::apiserver
