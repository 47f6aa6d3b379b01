// A stream whose answers lie on a queue that nobody drains does not keep its session from others.
#include <poll.h>

#include <random>
#include <set>

#include "queues.hpp"

namespace queues {
namespace {

constexpr const char* short_wait = "max = 1\nacquire_timeout = \"1s\"\n";

// Reads a stream without end of `Database::stream` by ten rows, whose first column counts from 1.
class Reader {
 public:
  Reader(const Desk& desk, const Loop& loop, const Database& database, tl_conn* conn = nullptr) : loop_(loop) {
    const How how{.user = 1, .flags = TL_CALL_STREAM | TL_CALL_WRITE, .batch_rows = 10};
    loop.query(conn == nullptr ? desk.raw() : conn, how, database.stream + " /* victim */");
  }

  void take_result() { result_.reset(loop_.next_done().result()); }
  void ask() const { loop_.next(result_.get(), {.user = 2}); }
  void take_batch() { read(loop_.next_done()); }
  // Whether there was an answer to what was asked for; else it has failed.
  bool read(Done done) {
    CHECK(done.user() == 2);
    if (done.status() != TL_OK) {
      failed_ = std::move(done);
      return false;
    }
    const trunkline::batch batch(done.batch(), 2, 1);
    for (int64_t row = 0; row < batch.rows(); ++row) CHECK(batch.get<int64_t>(row, 0) == ++rows_);
    CHECK(batch.rows() == 10);
    return true;
  }
  void read_on(int batches) {
    for (int i = 0; i < batches; ++i) {
      ask();
      take_batch();
    }
    CHECK(failed_.status() == TL_OK);
  }
  void release() { result_.reset(); }

  [[nodiscard]] tl_result* result() const noexcept { return result_.get(); }
  [[nodiscard]] int64_t rows() const noexcept { return rows_; }
  [[nodiscard]] const Done& failure() const noexcept { return failed_; }

 private:
  const Loop& loop_;
  std::unique_ptr<tl_result, Release> result_;
  int64_t rows_ = 0;
  Done failed_;
};

void check_given_up(const Done& done) {
  CHECK_MESSAGE(done.status() == TL_E_CLOSED, done.told());
  CHECK(done.outcome() == TL_UNKNOWN);
  CHECK(std::string(done.message()).find("its queue had not been drained for 500ms") != std::string::npos);
}

int64_t leased(const Desk& desk) {
  tl_result* out = nullptr;
  REQUIRE(tl_inspect(desk.registry(), "leases", nullptr, 0, nullptr, &out, nullptr) == TL_OK);
  trunkline::result leases(out);
  const auto batch = leases.next();
  return batch ? batch->rows() : 0;
}

// On the session for what writes, of which there is one.
int64_t seven(const Desk& desk, Millis timeout = 0ms) {
  return desk.db.pin(timeout).query("SELECT 7").value<int64_t>();
}

void check_whole(const Desk& desk, const Loop& loop) {
  CHECK(loop.take(0ms).empty());
  await([&] { return leased(desk) == 0; });
  CHECK(desk.figure("waiting") == 0);
  CHECK(seven(desk) == 7);
}

// Until the time in which another caller of the pool hopes for a session is up.
void await_acquire_timeout(const Desk& desk) {
  tl_status status = TL_OK;
  try {
    (void)seven(desk);
  } catch (const trunkline::error& error) {
    status = error.status();
  }
  CHECK(status == TL_E_ACQUIRE_TIMEOUT);
}

}  // namespace

TEST_CASE("another caller of the pool gets the session of a stream whose answer nobody takes") {
  enum class Lies : uint8_t { result, head, batch };  // head: the batch that came with the result
  for (const Database& database : databases()) {
    for (const Lies lies : {Lies::result, Lies::head, Lies::batch}) {
      for (const uint32_t flags : {0U, TL_QUEUE_THREAD}) {
        CAPTURE(database.name);
        CAPTURE(static_cast<int>(lies));
        CAPTURE(flags);
        const Desk desk(database, short_wait), watcher(database);
        const Loop loop(desk, flags);
        Reader reader(desk, loop, database);
        if (lies != Lies::result) {
          reader.take_result();
          reader.read_on(lies == Lies::head ? 0 : 3);
          reader.ask();
        }
        CHECK(seven(desk) == 7);
        if (!database.active.empty()) {
          await([&] { return watcher.db.query(database.active).value<int64_t>() == 0; });
        }
        if (lies == Lies::result) {
          reader.take_result();
          reader.ask();
        }
        reader.take_batch();
        CHECK(reader.rows() == (lies == Lies::batch ? 40 : 10));
        for (int again = 0; again < 2; ++again) {
          reader.ask();
          reader.take_batch();
          check_given_up(reader.failure());
        }
        int32_t more = 0;
        CHECK(tl_result_next_set(reader.result(), nullptr, &more, nullptr) == TL_E_CLOSED);
        reader.release();
        check_whole(desk, loop);
        if (!database.active.empty()) CHECK(desk.figure("opened") == 1);
      }
    }
  }
}

TEST_CASE("a stream whose answers are taken may be read as slowly as its host likes") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, short_wait);
    const Loop loop(desk);
    Reader reader(desk, loop, database);
    reader.take_result();
    await_acquire_timeout(desk);
    reader.read_on(5);
    await_acquire_timeout(desk);
    reader.read_on(5);
    CHECK(reader.rows() == 100);
    reader.release();
    check_whole(desk, loop);
  }
}

TEST_CASE("a stream of a pin or transaction keeps the session that its handle has anyway") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, short_wait);
    const Loop loop(desk);
    loop.begin(desk.raw(), {.user = 7});
    Conn transaction = loop.next_done().conn();
    Reader reader(desk, loop, database, transaction.get());
    reader.take_result();
    reader.read_on(3);
    reader.ask();
    await_acquire_timeout(desk);
    reader.take_batch();
    reader.read_on(3);
    reader.release();
    transaction.reset();
    check_whole(desk, loop);
  }
}

TEST_CASE("a result that is released gives its session back though its last answer lies untaken") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\n");  // it would lie for 15 s
    const Loop loop(desk);
    Reader reader(desk, loop, database);
    reader.take_result();
    reader.ask();
    pollfd polled{loop.fd(), POLLIN, 0};
    REQUIRE(poll(&polled, 1, 30000) == 1);
    reader.release();
    CHECK(seven(desk, bound(500ms)) == 7);
    reader.take_batch();
    CHECK(reader.rows() == 10);
    check_whole(desk, loop);
  }
}

TEST_CASE("answers that are taken when they are about to expire are taken once, and read or told as given up") {
  constexpr uint64_t streams = 8;
  std::minstd_rand random(4);
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 8\nacquire_timeout = \"200ms\"\n");  // they expire after 100 ms
    const Loop loop(desk);
    int given_up = 0;
    for (int round = in_soak() ? 300 : 10; round > 0; --round) {
      for (uint64_t user = 0; user < streams; ++user) {
        loop.query(desk.raw(), {.user = user, .flags = TL_CALL_STREAM, .batch_rows = 10}, database.stream);
      }
      await([&] { return leased(desk) == int64_t{streams}; });
      std::this_thread::sleep_for(90ms + std::chrono::microseconds(random() % 50000));
      std::set<uint64_t> taken;
      while (taken.size() < streams) {
        for (Done& done : loop.take(30s)) {
          CHECK(taken.insert(done.user()).second);
          const std::unique_ptr<tl_result, Release> result(done.result());
          tl_batch* batch = nullptr;
          CHECK(tl_result_next(result.get(), nullptr, &batch, nullptr) == TL_OK);
          tl_batch_release(batch);
          const tl_status next = tl_result_next(result.get(), nullptr, &batch, nullptr);
          if (next == TL_OK) tl_batch_release(batch);
          CHECK((next == TL_OK || next == TL_E_CLOSED));
          given_up += next == TL_E_CLOSED ? 1 : 0;
        }
      }
      check_whole(desk, loop);
    }
    MESSAGE(database.name, ": ", given_up, " were given up");
  }
}

}  // namespace queues
