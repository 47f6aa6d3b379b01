#include "consistency.hpp"

#include "handle.hpp"
#include "lookout.hpp"

namespace tl::connection {
namespace {

using driver::Position;
using driver::Standing;
using runtime::Ended;

bool is_server(const Endpoints& on) noexcept { return on.settings().driver != config::DriverKind::sqlite; }

Failure refused(std::string message) { return fail(Status::misuse, std::move(message), Phase::acquire); }

}  // namespace

void note_written(Written& written, const Leased& leased, const Error* failure) {
  const bool may_have_written = failure == nullptr || failure->outcome == Outcome::unknown;
  if (!may_have_written) return;
  const bool known = failure == nullptr && leased;
  // In a transaction nothing is written yet.
  if (known && leased.session().state() == driver::State::in_transaction) return;
  try {
    const Position position = known ? leased.session().written() : Position();
    written.note(position);
    if (!position.empty()) leased.endpoints()->lookout().note_position(leased.index(), position);
  } catch (const std::bad_alloc&) {
    written.note({});
  }
}

Result<void> await_place(Leased& leased, const Position& place, const CallOptions& options) {
  Endpoints& on = *leased.endpoints();
  const std::string label = leased.endpoint().label();
  const Deadline until =
      earlier(options.deadline, Deadline::after(steady_clock().now(), on.settings().consistency_wait));
  std::unique_ptr<driver::Operation> waiting = leased.session().reach(place, until);
  waiting->deadline = Deadline::after(until.at, confirm_grace);  // it ends by itself, if its server answers
  const Ended ended = runtime::run(leased.session(), *waiting, options.ticket.get());
  if (ended != Ended::finished) {
    leased.go_home_after(std::move(waiting), nullptr);
    if (const Ended why = over(options); why != Ended::finished) return unsent(why);
    return fail(Status::unavailable, "the replica did not answer when it was asked how far it has come",
                Phase::acquire);
  }
  if (!waiting->succeeded()) {
    Failure failure = leased.told(waiting->take_failure());
    failure->outcome = Outcome::not_sent;  // the caller's own statement
    leased.go_home();
    return failure;
  }
  const auto& reach = static_cast<driver::Reach&>(*waiting);
  if (!reach.position.empty()) on.lookout().note_position(leased.index(), reach.position);
  if (reach.reached) return {};
  leased.go_home();
  if (const Ended why = over(options); why != Ended::finished) return unsent(why);
  Failure failure =
      fail(Status::unavailable, "the replica has not applied in time what this read is to find", Phase::acquire);
  failure->endpoint = label;
  return failure;
}

bool Handle::keeps_track(const Endpoints& on) const noexcept {
  return on.settings().session_consistency && is_server(on);
}

Result<std::optional<Position>> Handle::place_to_find(Endpoints& on, const CallOptions& options) const {
  const Written::State state = written_->state();
  Lookout& lookout = on.lookout();
  const auto is_known = [&] { return state.lost == 0 && lookout.has(lookout.writer(), state.position); };
  if (is_known()) return std::optional(state.position);
  std::optional<Position> primary = lookout.look(lookout.writer(), options);
  if (primary && state.position.timeline > primary->timeline) {  // others have heard of a promotion before us
    lookout.look_at_all(options);
    primary = lookout.look(lookout.writer(), options);
  }
  if (!primary || primary->empty()) {  // nobody can say that it is wrong, nor where the end is
    return state.lost != 0 ? std::optional<Position>() : std::optional(state.position);
  }
  switch (const Standing is = standing(*primary, state.position)) {
    case Standing::there: break;
    case Standing::behind:
    case Standing::foreign: return not_there(is, *primary, state);
    case Standing::other:
      if (state.position.timeline > primary->timeline || state.position.marks.front().at > primary->marks.front().at) {
        return not_there(is, *primary, state);
      }
      break;
  }
  if (state.lost == 0 && state.position.timeline == primary->timeline) return std::optional(state.position);
  written_->found(*primary, state);
  return primary;
}

// Of what a token names this is told each time; what the handle itself wrote, and a failover has lost, once.
Failure Handle::not_there(Standing is, const Position& primary, const Written::State& state) const {
  const char* const lost = "a write that the primary does not have; it may have been lost in a failover";
  if (written_->is_of_token()) {
    return refused(std::string("the consistency token is of ") +
                   (is == Standing::foreign ? "another system than connection \"" + name() + '"' : lost));
  }
  written_->found(primary, state);
  Failure failure = fail(Status::unavailable, std::string("this handle has written ") + lost, Phase::acquire);
  failure->details.emplace_back(lost_write, driver::token_of(state.position));
  return failure;
}

Result<Position> Handle::written() const {
  const std::shared_ptr<Connection> connection = known();
  if (connection != nullptr && !connection->settings()->session_consistency) {
    return told(fail(Status::misuse, "connection \"" + name() +
                                         "\" does not keep track of what is written; set consistency = \"session\""));
  }
  Written::State state = written_->state();
  if (state.lost == 0) return std::move(state.position);
  return told(fail(Status::unavailable, "the server has not told where the last write is; a read tells"));
}

}  // namespace tl::connection
