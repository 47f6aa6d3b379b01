// Opening scripted sessions: the dial's deadline and interruption reach it as they must reach every driver.
#include <thread>

#include "fake_case.hpp"

namespace tl::driver {
namespace {

config::Address somewhere() {
  config::Address address;
  address.driver = config::DriverKind::postgresql;
  address.host = "db.internal";
  address.port = 5432;
  address.database = "app";
  address.password = config::Secret("hush");
  return address;
}

struct Door {
  std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
  FakeDriver driver{server};
};

}  // namespace

TEST_CASE("open waits until the server accepts") {
  Door door;
  door.server->scripts["OPEN"].pauses = {Pause::for_answer(), Pause::for_answer()};
  Dial dial(Deadline::never());
  std::thread server([&] { door.driver.accept(2); });
  auto session = door.driver.open(somewhere(), dial);
  server.join();
  REQUIRE(session.ok());
  CHECK((*session)->state() == State::idle);
  CHECK((*session)->looks_alive());
}

TEST_CASE("open that fails names the server and tells no secret") {
  Door door;
  door.server->scripts["OPEN"].pauses = {Pause::for_answer()};
  Status expected = Status::ok;
  Deadline deadline;
  SUBCASE("at its deadline") {
    expected = Status::connect_timeout;
    deadline = Deadline::after(steady_clock().now(), 10ms);
  }
  SUBCASE("interrupted") { expected = Status::closed; }
  Dial dial(deadline);
  if (deadline.is_never()) dial.interrupt();
  const auto session = door.driver.open(somewhere(), dial);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().status == expected);
  CHECK(session.error().phase == Phase::connect);
  CHECK(session.error().message == "cannot connect to db.internal:5432/app");
}

TEST_CASE("open fails as scripted") {
  Door door;
  door.server->scripts["OPEN"].error = refused("who are you?");
  Dial dial(Deadline::never());
  const auto session = door.driver.open(somewhere(), dial);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().message == "who are you?");
}

TEST_CASE("the text that begins a transaction") {
  const Door door;
  CHECK(door.driver.begin_text({}) == "BEGIN");
  CHECK(door.driver.begin_text({Isolation::server_default, true}) == "BEGIN READ ONLY");
}

}  // namespace tl::driver
