#include "probe.hpp"

namespace tl::connection {
namespace {

// A file is there and can be read: to ping a session of it would be to ask oneself.
constexpr std::string_view file_question = "SELECT 1 FROM sqlite_master LIMIT 1";

using runtime::Ended;

struct Answer {
  Ended ended;
  Result<Asked> asked;
};

// Empties `leased` unless the server answered.
Answer run(Leased& leased, std::unique_ptr<driver::Operation> question, const CallOptions& options) {
  question->deadline = options.deadline;
  const Instant began = steady_clock().now();
  const Ended ended = runtime::run(leased.session(), *question, options.ticket.get());
  if (ended != Ended::finished) {
    leased.go_home_after(std::move(question), nullptr);
    return {ended, ended == Ended::cancelled
                       ? fail(Status::cancelled, "the call was cancelled", Phase::receive)
                       : fail(Status::connect_timeout, "a session is open, but the server does not answer on it",
                              Phase::receive)};
  }
  if (question->succeeded()) return {ended, Asked{std::move(question), steady_clock().now() - began}};
  Failure failure = question->take_failure();
  leased.destroy();
  return {ended, std::move(failure)};
}

Result<Nanos> read_file(const std::shared_ptr<Endpoints>& endpoints, uint32_t index, const Holder& holder,
                        const CallOptions& options) {
  Leased leased(endpoints, holder);
  if (Result<void> done = lease(leased, index, options); !done) return done.take_error();
  auto statement = endpoints->statements()->find(file_question, false);
  if (!statement) return statement.take_error();
  const Instant began = steady_clock().now();
  auto run = leased.session().run({statement.take(), {}, options.batch});
  if (Result<void> done = Call(leased, options).begin(run); !done) return done.take_error();
  return steady_clock().now() - began;
}

Holder holder_of(std::string_view tag) { return {std::make_shared<const std::string>(tag), nullptr}; }

}  // namespace

Result<Asked> ask(const std::shared_ptr<Endpoints>& endpoints, uint32_t index, std::string_view tag,
                  const std::function<std::unique_ptr<driver::Operation>(driver::Session&)>& make,
                  const CallOptions& options) {
  const config::Pool& pool = (*endpoints)[index].settings().pool;
  // Each session once, and a fresh one.
  for (uint64_t rest = uint64_t{pool.max} + pool.max_overflow; /**/; --rest) {
    Leased leased(endpoints, holder_of(tag));
    if (Result<void> done = lease(leased, index, options); !done) return done.take_error();
    Answer answer = run(leased, make(leased.session()), options);
    if (answer.asked || answer.ended != Ended::finished || rest == 0) return std::move(answer.asked);
  }
}

Result<Nanos> probe(const std::shared_ptr<Endpoints>& endpoints, uint32_t index, const CallOptions& options) {
  constexpr std::string_view tag = "health";
  if ((*endpoints)[index].settings().address.driver == config::DriverKind::sqlite) {
    return read_file(endpoints, index, holder_of(tag), options);
  }
  auto asked = ask(
      endpoints, index, tag, [](driver::Session& session) { return session.ping(); }, options);
  if (!asked) return asked.take_error();
  return asked->took;
}

}  // namespace tl::connection
