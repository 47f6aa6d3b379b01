// What a call on a queue costs beside its database and the socket: 64 of them are put aside, then woken, run a
// statement on a scripted session that answers at once, and are taken. The other side is the bound, one microsecond.
#include "bench.hpp"
#include "fake.hpp"
#include "queue.hpp"
#include "runner.hpp"

namespace {

using tl::runtime::Errand;
using tl::runtime::Queue;

constexpr size_t in_flight = 64;
constexpr double bound = 1000;

struct Statement final : Errand {
  Statement(tl::driver::FakeSession& session, tl::driver::Request request)
      : session_(session), request_(std::move(request)) {}
  void run() noexcept override {
    fiber_ = tl::runtime::Fiber::current();
    while (!awake_) (void)fiber_->park(-1, tl::driver::Ready::start, tl::Deadline::never());
    const std::unique_ptr<tl::driver::Run> verb = session_.run(request_);
    bench::check(tl::runtime::run(session_, *verb, nullptr) == tl::runtime::Ended::finished, "not finished");
  }
  void wake() noexcept {
    awake_ = true;
    fiber_->wake();
  }

 private:
  tl::runtime::Fiber* fiber_ = nullptr;
  bool awake_ = false;
  tl::driver::FakeSession& session_;
  const tl::driver::Request request_;
};

void ours(double seconds) {
  auto server = std::make_shared<tl::driver::FakeServer>();
  tl::driver::FakeSession session(server);
  auto text = std::make_shared<tl::sql::Statement>();
  text->text = "SELECT 1";
  auto queue = Queue::make(Queue::Driver::callers).take();
  Statement* waiting[in_flight];
  const double round = bench::measure(seconds, [&](int64_t) {
    for (size_t i = 0; i < in_flight; ++i) {
      auto statement = std::make_unique<Statement>(session, tl::driver::Request{text, {}});
      waiting[i] = statement.get();
      std::unique_ptr<Errand> errand = std::move(statement);
      bench::check(queue->submit(errand).ok(), "refused");
    }
    for (Statement* const statement : waiting) statement->wake();
    for (size_t taken = 0; taken < in_flight;) {
      tl::runtime::LinkedList<Errand> ended;
      (void)queue->take(ended, in_flight, tl::Deadline::never());
      taken += ended.size();
      while (const Errand* errand = ended.pop()) delete errand;
    }
    server->resumed.clear();
  });
  bench::tell(round / in_flight);
}

}  // namespace

int main(int argc, char** argv) {
  bench::check(argc == 4, "CASE SIDE SECONDS");
  if (std::strcmp(argv[2], "ours") == 0) {
    ours(std::atof(argv[3]));
  } else {
    bench::tell(bound);
  }
}
