// Names that come and go. Nothing here opens a connection.
#include "registry.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "inspect.hpp"

namespace tl::registry {
namespace {

struct Book {
  explicit Book(std::string_view toml = "[defaults]\ndriver = 'sqlite'\n[connections.main]\ndatabase = 'main.db'\n")
      : registry(config_of(toml)) {}
  static config::Config config_of(std::string_view toml) {
    config::Surroundings here;
    here.folder = "/srv";
    return config::parse(toml, "test.toml", here).take();
  }
  bool add(std::string_view name, std::string_view toml) {
    auto done = registry.add(name, toml);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
    return *done;
  }
  bool remove(std::string_view name) { return *registry.remove(name, std::nullopt); }
  std::string names() const {
    std::string all;
    for (const auto& entry : registry.entries()) all += entry->name() + ' ';
    return all;
  }
  Status find(std::string_view name) const {
    const auto found = registry.find(name);
    return found ? Status::ok : found.error().status;
  }

  Registry registry;
};

struct Heard final : observe::Listener {
  bool event(const std::shared_ptr<const observe::Event>& event) noexcept override {
    const std::lock_guard lock(mutex);
    all += event->connection + ' ' + event->message + '\n';
    return true;
  }
  std::mutex mutex;
  std::string all;
};

}  // namespace

TEST_CASE("a name that is added is there, and gone when it is removed") {
  Book book;
  CHECK(book.add("tenant", "database = 't.db'"));
  CHECK(book.registry.has("tenant"));
  CHECK(book.names() == "main tenant ");
  CHECK(book.registry.entry("tenant").take()->settings()->primary.address.database == "/srv/t.db");
  CHECK(book.find("tenant") == Status::ok);
  CHECK(book.remove("tenant"));
  CHECK_FALSE(book.registry.has("tenant"));
  CHECK(book.find("tenant") == Status::not_found);
  CHECK_FALSE(book.remove("tenant"));
  CHECK(book.names() == "main ");
}

TEST_CASE("the same settings once more change nothing, others are an error that tells their keys and no values") {
  Book book;
  CHECK(book.add("t", "driver = 'postgresql'\ndatabase = 't'\npassword = 'hush'"));
  const auto first = book.registry.entry("t").take();
  CHECK_FALSE(book.add("t", "# the same\ndriver = 'postgres'\ndatabase = 't'\npassword = 'hush'\nport = 5432"));
  CHECK(book.registry.entry("t").take() == first);
  CHECK_FALSE(book.add("main", "database = 'main.db'"));
  const auto other = book.registry.add("t", "driver = 'postgresql'\ndatabase = 'u'\npassword = 'sesame'\npool.max = 3");
  REQUIRE_FALSE(other);
  CHECK(other.error().status == Status::configuration);
  CHECK(other.error().connection == "t");
  CHECK(other.error().message ==
        "add(\"t\"): there is such a connection already, with other settings: database, password, pool.max");
  CHECK(other.error().details.size() == 3);
  CHECK(book.registry.entry("t").take() == first);
}

TEST_CASE("old handles of a name stay closed when it is added again") {
  Book book;
  book.add("t", "database = ':memory:'");
  const auto old = book.registry.find("t").take();
  CHECK(book.remove("t"));
  book.add("t", "database = ':memory:'");
  CHECK(book.registry.find("t").take() != old);
  CHECK(old->endpoints().error().status == Status::closed);
  CHECK(old->connect({}).error().message.find("closed for good") != std::string::npos);
  CHECK(old->name() == "t");
}

TEST_CASE("the default goes and comes with its name") {
  Book book;
  CHECK(book.find("") == Status::ok);
  CHECK(book.remove("main"));
  CHECK(book.find("") == Status::not_found);
  book.add("main", "database = 'other.db'");
  CHECK(book.registry.find("").take()->settings()->primary.address.database == "/srv/other.db");

  Book empty("");
  CHECK(empty.find("") == Status::not_found);
  empty.add("a", "driver = 'sqlite'\ndatabase = 'a.db'");
  CHECK(empty.find("") == Status::not_found);
  empty.add("default", "driver = 'sqlite'\ndatabase = 'a.db'");
  CHECK(empty.find("") == Status::ok);
}

TEST_CASE("a name that was closed before anybody used it is closed") {
  Book book;
  book.add("t", "database = 't.db'");
  const std::string_view name = "t";
  CHECK(book.registry.close(&name, std::nullopt).ok());
  CHECK(book.registry.entry(name).take()->state() == connection::State::closed);
  CHECK(book.registry.find(name).take()->endpoints().error().status == Status::closed);
}

TEST_CASE("listeners hear of names") {
  Book book;
  const auto heard = std::make_shared<Heard>();
  book.registry.hub().subscribe(heard, observe::all_kinds);
  book.add("t", "database = 't.db'");
  book.add("t", "database = 't.db'");
  book.remove("t");
  book.add("u", "database = 'u.db'");
  (void)book.registry.find("u");
  book.remove("u");
  CHECK(heard->all == "t registered\nt released\nu registered\nu closed\nu released\n");
}

TEST_CASE("a wrong name among very many is not compared with all of them") {
  Book book;
  for (int i = 0; i < 1000; ++i) book.add("tenant_" + std::to_string(i), "database = 't.db'");
  CHECK(book.registry.find("mian").error().details.empty());
  book.remove("tenant_0");
  CHECK(book.registry.find("mian").error().details.size() == 1);
}

TEST_CASE("threads add, find, close and remove the same names") {
  Book book;
  constexpr int count = 16, rounds = 30;
  std::atomic<int> balance{0};
  const auto work = [&](std::vector<std::shared_ptr<connection::Connection>>& seen) {
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < 50; ++i) {
        const std::string name = "t" + std::to_string(i);
        const std::string_view view = name;
        balance += *book.registry.add(name, "database = ':memory:'") ? 1 : 0;
        auto found = book.registry.find(name);
        CHECK((found || found.error().status == Status::not_found));
        const Result<void> closed = book.registry.close(&view, std::nullopt);
        CHECK((closed || closed.error().status == Status::not_found));
        if (round % 10 == 0) (void)book.registry.entries();
        balance -= *book.registry.remove(name, std::nullopt) ? 1 : 0;
        if (found) seen.push_back(found.take());
      }
    }
  };
  std::vector<std::vector<std::shared_ptr<connection::Connection>>> seen(count);
  std::vector<std::thread> threads;
  for (auto& own : seen) threads.emplace_back(work, std::ref(own));
  for (std::thread& thread : threads) thread.join();
  CHECK(balance == 0);
  for (const auto& own : seen) {
    for (const auto& connection : own) REQUIRE(connection->endpoints().error().status == Status::closed);
  }
  CHECK(book.names() == "main ");
}

}  // namespace tl::registry
