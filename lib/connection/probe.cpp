#include "probe.hpp"

namespace tl::connection {
namespace {

// A file is there and can be read: to ping a session of it would be to ask oneself.
constexpr std::string_view file_question = "SELECT 1 FROM sqlite_master LIMIT 1";

using runtime::Ended;

Result<Nanos> read_file(Leased& leased, const CallOptions& options) {
  auto statement = leased.endpoints()->statements()->find(file_question, false);
  if (!statement) return statement.take_error();
  const Instant began = steady_clock().now();
  auto run = leased.session().run({statement.take(), {}, options.batch});
  if (Result<void> done = Call(leased, options).begin(run); !done) return done.take_error();
  return steady_clock().now() - began;
}

struct Pinged {
  Ended ended;
  Result<Nanos> took;
};

// Empties `leased` unless the server answered.
Pinged ping(Leased& leased, const CallOptions& options) {
  std::unique_ptr<driver::Operation> ping = leased.session().ping();
  ping->deadline = options.deadline;
  const Instant began = steady_clock().now();
  const Ended ended = runtime::run(leased.session(), *ping, options.ticket.get());
  if (ended != Ended::finished) {
    leased.go_home_after(std::move(ping), nullptr);
    return {ended, ended == Ended::cancelled
                       ? fail(Status::cancelled, "the call was cancelled", Phase::receive)
                       : fail(Status::connect_timeout, "a session is open, but the server does not answer on it",
                              Phase::receive)};
  }
  if (ping->succeeded()) return {ended, steady_clock().now() - began};
  Failure failure = ping->take_failure();
  leased.destroy();
  return {ended, std::move(failure)};
}

}  // namespace

Result<Nanos> probe(const std::shared_ptr<Endpoints>& endpoints, uint32_t index, const CallOptions& options) {
  const config::Endpoint& settings = (*endpoints)[index].settings();
  const Holder holder{std::make_shared<const std::string>("health"), nullptr};
  // Each session once, and a fresh one.
  for (uint64_t rest = uint64_t{settings.pool.max} + settings.pool.max_overflow; /**/; --rest) {
    Leased leased(endpoints, holder);
    if (Result<void> done = lease(leased, index, options); !done) return done.take_error();
    if (settings.address.driver == config::DriverKind::sqlite) return read_file(leased, options);
    Pinged pinged = ping(leased, options);
    if (pinged.took || pinged.ended != Ended::finished || rest == 0) return std::move(pinged.took);
  }
}

}  // namespace tl::connection
