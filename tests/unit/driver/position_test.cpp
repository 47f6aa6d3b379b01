#include "position.hpp"

#include <doctest/doctest.h>

namespace tl::driver {

namespace {

using Kind = Position::Kind;

Position log(uint64_t at, uint32_t timeline = 1, uint64_t system = 7) {
  return {Kind::postgresql, system, timeline, {{0, 0, at}}};
}

Position gtids(std::vector<Position::Mark> marks) { return {Kind::mariadb, 0, 0, std::move(marks)}; }

Position later(Position into, const Position& other) {
  take_later(into, other);
  return into;
}

}  // namespace

TEST_CASE("a place in PostgreSQL's log is reached, or not yet, on its own time line and system alone") {
  CHECK(standing(log(5), log(5)) == Standing::there);
  CHECK(standing(log(6), log(5)) == Standing::there);
  CHECK(standing(log(4), log(5)) == Standing::behind);
  CHECK(standing(log(6, 2), log(5)) == Standing::other);
  CHECK(standing(log(6), log(5, 2)) == Standing::other);
  CHECK(standing(log(6, 1, 8), log(5)) == Standing::foreign);
  CHECK(standing(log(6, 2, 8), log(5)) == Standing::foreign);
}

TEST_CASE("GTIDs are reached domain by domain, whichever server wrote them") {
  const Position wanted = gtids({{0, 1, 10}, {3, 1, 4}});
  CHECK(standing(gtids({{0, 2, 11}, {3, 1, 4}}), wanted) == Standing::there);
  CHECK(standing(gtids({{0, 1, 10}, {1, 1, 1}, {3, 9, 4}}), wanted) == Standing::there);
  CHECK(standing(gtids({{0, 1, 10}, {3, 1, 3}}), wanted) == Standing::behind);
  CHECK(standing(gtids({{0, 1, 99}}), wanted) == Standing::behind);
}

TEST_CASE("what wants nothing is there; what tells nothing, or of another kind of server, is foreign to it") {
  CHECK(standing({}, {}) == Standing::there);
  CHECK(standing(log(1), {}) == Standing::there);
  CHECK(standing(gtids({{0, 1, 1}}), {}) == Standing::there);
  CHECK(standing({}, log(1)) == Standing::foreign);
  CHECK(standing(gtids({{0, 1, 1}}), log(1)) == Standing::foreign);
}

TEST_CASE("the first place that has both") {
  CHECK(later({}, log(5)) == log(5));
  CHECK(later(log(5), {}) == log(5));
  CHECK(later(log(5), log(6)) == log(6));
  CHECK(later(log(6), log(5)) == log(6));
  CHECK(later(log(6), log(5, 2)) == log(5, 2));
  CHECK(later(log(6), log(5, 1, 8)) == log(5, 1, 8));
  CHECK(later(log(6), gtids({{0, 1, 1}})) == gtids({{0, 1, 1}}));
  CHECK(later(gtids({{1, 1, 5}}), gtids({{0, 2, 3}})) == gtids({{0, 2, 3}, {1, 1, 5}}));
  CHECK(later(gtids({{0, 1, 5}, {2, 1, 5}}), gtids({{0, 2, 6}, {1, 2, 1}, {2, 2, 4}})) ==
        gtids({{0, 2, 6}, {1, 2, 1}, {2, 1, 5}}));
}

TEST_CASE("tokens there and back") {
  constexpr uint64_t most = UINT64_MAX;
  for (const Position& position : {Position(), log(0), log(0x4040498), log(most, UINT32_MAX, most), gtids({{0, 1, 8}}),
                                   gtids({{0, 1, 8}, {3, UINT32_MAX, most}, {UINT32_MAX, 0, 0}})}) {
    const std::string token = token_of(position);
    CAPTURE(token);
    CHECK(token.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos);
    const Result<Position> read = read_token(token);
    REQUIRE(read.ok());
    CHECK(*read == position);
  }
  CHECK(token_of({}).empty());
  CHECK(token_of(log(0x4040498, 2, 77)) == "pg-77-2-4040498");
  CHECK(token_of(gtids({{0, 1, 8}, {3, 2, 9}})) == "my-0.1.8_3.2.9");
}

TEST_CASE("what is no token is misuse, and is shown, if not at any length") {
  for (const std::string token : {"x",
                                  "pg",
                                  "pg-",
                                  "pg-7",
                                  "pg-7-1",
                                  "pg-7-1-",
                                  "pg-7-1-xyz",
                                  "pg-7-1-5-",
                                  "pg-7-1-5 ",
                                  "pg--7-1-5",
                                  "pg-7-+1-5",
                                  "pg-7-4294967296-5",
                                  "pg-18446744073709551616-1-5",
                                  "pg-7-1-10000000000000000",
                                  " pg-7-1-5",
                                  "PG-7-1-5",
                                  "my-",
                                  "my-0",
                                  "my-0.1",
                                  "my-0.1.",
                                  "my-0.1.8_",
                                  "my-_0.1.8",
                                  "my-0.1.8__1.1.1",
                                  "my-0.1.8_0.1.9",
                                  "my-1.1.8_0.1.9",
                                  "my-4294967296.1.8",
                                  "my-0.1.18446744073709551616",
                                  "my-0-1-8",
                                  "my-0.1.8,1.1.1"}) {
    CAPTURE(token);
    const Result<Position> read = read_token(token);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().status == Status::misuse);
    CHECK(read.error().message.find('"' + token + '"') != std::string::npos);
  }
  CHECK(read_token(std::string(100'000, 'x')).error().message.size() < 100);
}

}  // namespace tl::driver
