#include "handle.hpp"

#include "consistency.hpp"
#include "log.hpp"
#include "lookout.hpp"

namespace tl::connection {
namespace {

// What a replica that cannot be reached does to a statement: nothing, so that the next may have it.
bool next_may_serve(const Error& error) noexcept {
  return error.status == Status::unavailable || error.status == Status::connect_timeout;
}

std::string_view call_for(std::string_view verb) noexcept {
  if (verb == "COMMIT" || verb == "END") return "commit()";
  if (verb == "ROLLBACK" || verb == "ABORT") return "rollback()";
  return "transaction() or begin()";
}

}  // namespace

bool counts_as_read(const sql::Statement& statement, const CallOptions& options) noexcept {
  if (options.write || statement.learned.writes()) return false;
  return options.read || routing::reads(statement.kind);
}

Handle::Handle(std::shared_ptr<Connection> connection, Finder& finder, routing::Mode mode)
    : connection_(std::move(connection)), finder_(finder), mode_(mode), read_only_(mode == routing::Mode::read) {}

Handle::Handle(std::shared_ptr<Named> named, routing::Mode mode)
    : named_(std::move(named)), finder_(named_->finder()), mode_(mode), read_only_(mode == routing::Mode::read) {}

Handle::Handle(const Handle& parent, std::shared_ptr<Connection> fallback, routing::Mode mode)
    : connection_(std::move(fallback)),
      finder_(parent.finder_),
      tag_(parent.tag_),
      mode_(mode),
      read_only_(mode == routing::Mode::read) {}

Handle::Handle(const Handle& parent, routing::Mode mode, std::shared_ptr<const std::string> tag,
               const driver::Position& after)
    : connection_(parent.connection_),
      named_(parent.named_),
      finder_(parent.finder_),
      tag_(std::move(tag)),
      mode_(mode),
      read_only_(mode == routing::Mode::read),
      written_(std::make_shared<Written>(*parent.written_, after)) {}

Handle::Handle(const Handle& parent, Kind kind, std::shared_ptr<Hold> hold, bool read_only, bool inner)
    : connection_(parent.connection_),
      named_(parent.named_),
      finder_(parent.finder_),
      tag_(parent.tag_),
      mode_(parent.mode_),
      kind_(kind),
      read_only_(parent.read_only_ || read_only),
      hold_(std::move(hold)),
      level_(hold_->push(parent.level_, kind == Kind::transaction, inner)),
      written_(parent.written_) {}

Handle::~Handle() {
  if (hold_ != nullptr) hold_->abandon(level_);
}

Result<std::shared_ptr<Handle>> Handle::derive(const std::shared_ptr<const std::string>& tag, routing::Mode mode,
                                               const driver::Position& after) const {
  if (kind_ != Kind::pooled) {
    return told(fail(Status::misuse, "only a pooled handle has variants: this one is pinned or in a transaction"));
  }
  return std::shared_ptr<Handle>(new Handle(*this, mode, tag == nullptr ? tag_ : tag, after));
}

std::optional<Nanos> Handle::call_timeout() const {
  if (hold_ != nullptr) return hold_->endpoints()->settings().call_timeout;
  if (named_ == nullptr) return connection_->call_timeout();
  const std::shared_ptr<Connection> connection = named_->peek();
  return connection == nullptr ? std::nullopt : connection->call_timeout();
}

bool Handle::is_known() const { return named_ == nullptr || hold_ != nullptr || named_->peek() != nullptr; }

Result<void> Handle::look_up(const CallOptions& options) const {
  if (is_known()) return {};
  auto found = named_->find(options);
  return found ? Result<void>() : told(found.take_error());
}

Failure Handle::told(Failure failure) const {
  if (failure->connection.empty()) failure->connection = name();  // else it is its fallback's
  return failure;
}

Result<void> Handle::query(QueryResult& answer, std::string_view text, const columnar::Params& params, bool named,
                           const CallOptions& options) {
  const auto run_on = [&](Handle& handle, const EndpointsPtr& on) {
    return handle.run(answer, on, text, params, named, options);
  };
  return run_anywhere(run_on, answer, {text, named}, options);
}

Result<bool> Handle::try_again(Retry& retry, const Error& why, std::string_view statement,
                               const CallOptions& options) const {
  const std::shared_ptr<Connection> connection = known();
  const EndpointsPtr on = connection == nullptr ? nullptr : connection->peek();
  if (on == nullptr || !was_in_the_way(why, *on) || (read_only_ && why.status == Status::read_only)) return false;
  return retry.again(on, why, statement, options);
}

Result<void> Handle::run(QueryResult& answer, const EndpointsPtr& on, std::string_view text,
                         const columnar::Params& params, bool named, const CallOptions& options) {
  auto found = on->statements()->find(text, named);
  if (!found) return found.take_error();
  std::shared_ptr<const sql::Statement> statement = found.take();
  if (Result<void> fine = allowed(*statement, options); !fine) return fine;

  std::vector<columnar::Value> ordered;
  columnar::Params positional = params;
  if (named) {
    auto bound = sql::bind_names(*statement, params);
    if (!bound) return bound.take_error();
    ordered = bound.take();
    positional.values = ordered.data();
    positional.count = ordered.size();
  }
  const config::Connection& settings = on->settings();
  if (settings.echo) echo(*statement);
  driver::Request request{std::move(statement), positional, options.batch, settings.result_bytes};
  const auto attempt = [&] {
    request.wants_position = keeps_track(*on) && !counts_as_read(*request.statement, options);
    if (request.wants_position) answer.stream().note_writes(written_);
    return serve(answer, on, request, options);
  };
  Result<void> done = attempt();
  if (done || !belongs_elsewhere(done.error(), on, *request.statement, options)) return done;
  answer.begin_anew();
  return attempt();
}

Result<void> Handle::serve(QueryResult& answer, const EndpointsPtr& on, const driver::Request& request,
                           const CallOptions& options) {
  const config::Connection& settings = on->settings();
  if (kind_ == Kind::pooled) {
    auto wished = wish(counts_as_read(*request.statement, options), *on, options);
    if (!wished) return wished.take_error();
    const routing::Order order = on->order(*wished);
    if (order.size() == 0) return on->nobody_serves(*wished);
    if (settings.primary.pool.multiplex > 1 && may_share(*request.statement, options)) {
      Result<bool> answered = run_shared(answer, on, *wished, order, request, options);
      if (!answered) return answered.take_error();
      if (*answered) return {};
    }
    Leased& own = answer.stream().own();
    if (!own) {
      if (Result<void> done = lease_for(own, on, *wished, order, request.statement, options); !done) return done;
    }
  } else if (Result<void> used = use_hold(answer.stream(), options); !used) {
    return used;
  }
  return options.stream ? answer.begin(request, options) : answer.read_whole(request, options, settings.result_bytes);
}

bool Handle::belongs_elsewhere(const Error& error, const EndpointsPtr& on, const sql::Statement& statement,
                               const CallOptions& options) const {
  if (error.status != Status::read_only || error.outcome != Outcome::refused || kind_ != Kind::pooled || read_only_ ||
      on->size() == 1 || on->settings().primary.address.read_only) {
    return false;
  }
  const auto refused_it = [&] { return (*on)[on->lookout().writer()].label() == error.endpoint; };
  // It was believed to take writes, and they may have changed places.
  if (refused_it()) on->lookout().look_at_all(options);
  if (refused_it()) return false;
  statement.learned.note_write();
  return true;
}

Result<routing::Wish> Handle::wish(bool read, Endpoints& on, const CallOptions& options) const {
  routing::Wish wished{read, mode_, options.max_lag ? options.max_lag : on.settings().max_lag, {}};
  if (wished.max_lag == Nanos::max()) wished.max_lag.reset();
  if (read && written_->any() && on.settings().driver == config::DriverKind::sqlite) {
    return fail(Status::misuse, "a SQLite file has no consistency tokens", Phase::acquire);
  }
  if (!read || mode_ == routing::Mode::write || !written_->any() || on.size() == 1) return wished;
  auto place = place_to_find(on, options);
  if (!place) return place.take_error();
  if (*place) {
    wished.after = std::move(**place);
  } else {
    wished.mode = routing::Mode::write;
  }
  return wished;
}

// On one line, as it was given: values are never told.
void Handle::echo(const sql::Statement& statement) const {
  observe::log(observe::Level::warning, observe::one_line(name() + ": " + statement.text));
}

Result<void> Handle::allowed(const sql::Statement& statement, const CallOptions& options) const {
  if (statement.kind == sql::Kind::control && kind_ != Kind::pinned) {
    return fail(Status::misuse, statement.verb +
                                    " as text would leave a shared session in a state nobody expects; use " +
                                    std::string(call_for(statement.verb)));
  }
  if (read_only_ && !counts_as_read(statement, options) && statement.kind != sql::Kind::control) {
    const bool unknown = statement.kind == sql::Kind::unknown;
    return fail(
        Status::read_only,
        statement.verb +
            (unknown ? " cannot be known to be a read, and this handle only reads; say so with the call if it is"
                     : " is a write, and this handle only reads"));
  }
  return {};
}

Result<void> Handle::use_hold(Stream& stream, const CallOptions& options) {
  Result<HoldUse> use = enter(options);
  if (!use) return use.take_error();
  stream.use(use.take());
  return {};
}

Result<void> Handle::lease_for(Leased& leased, const EndpointsPtr& on, const routing::Wish& wish,
                               const routing::Order& order, const std::shared_ptr<const sql::Statement>& statement,
                               const CallOptions& options) {
  Result<void> done;
  for (uint32_t i = 0; i < order.size(); ++i) {
    leased.prepare(on, {tag_, statement});
    done = lease(leased, order[i], options);
    if (done && !order.is_unsure(order[i])) return done;
    if (done) {
      done = await_place(leased, wish.after, options);
      if (done) return done;
      if (order.writer() == routing::Order::nobody) return done;
      i = order.size() - 2;  // the others are not waited for, too
    } else if (next_may_serve(done.error()) && over(options) == runtime::Ended::finished) {
      on->lookout().set_aside(order[i], done.error());
    } else {
      return done;
    }
  }
  return done;
}

Result<HoldUse> Handle::enter(const CallOptions& options) {
  if (Result<void> entered = hold_->enter(level_, false, options); !entered) return entered.take_error();
  HoldUse use(hold_);
  if (Result<void> paid = hold_->pay(options); !paid) return paid.take_error();
  if (Result<void> open = hold_->has_transaction(); !open) return open.take_error();
  return use;
}

Result<std::shared_ptr<Hold>> Handle::hold_for(bool read, const CallOptions& options) {
  Leased leased;
  const auto lease = [&](const EndpointsPtr& on) -> Result<void> {
    auto wished = wish(read, *on, options);
    if (!wished) return wished.take_error();
    const routing::Order order = on->order(*wished);
    if (order.size() == 0) return on->nobody_serves(*wished);
    return lease_for(leased, on, *wished, order, nullptr, options);
  };
  if (Result<void> done = on_endpoints(lease, options); !done) return done.take_error();
  return Hold::make(std::move(leased));
}

Result<std::shared_ptr<Handle>> Handle::pin(const CallOptions& options) {
  auto pinned = retrying([&] { return pin_once(options); }, nullptr, "", options);
  return pinned ? std::move(pinned) : told(pinned.take_error());
}

Result<std::shared_ptr<Handle>> Handle::pin_once(const CallOptions& options) {
  if (kind_ != Kind::pooled) {
    return fail(Status::misuse, "this handle has a session of its own already");
  }
  auto hold = hold_for(mode_ == routing::Mode::read, options);
  if (!hold) return hold.take_error();
  return std::shared_ptr<Handle>(new Handle(*this, Kind::pinned, hold.take(), false, false));
}

}  // namespace tl::connection
