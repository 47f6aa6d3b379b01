#include "handle.hpp"

#include "log.hpp"

namespace tl::connection {
namespace {

// Whether the caller's word or, without one, the lexer's makes it a read.
bool counts_as_read(const sql::Statement& statement, const CallOptions& options) noexcept {
  if (options.write) return false;
  return options.read || routing::reads(statement.kind);
}

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

Handle::Handle(std::shared_ptr<Connection> connection, routing::Mode mode)
    : connection_(std::move(connection)), mode_(mode), read_only_(mode == routing::Mode::read) {}

Handle::Handle(std::shared_ptr<Named> named, routing::Mode mode)
    : named_(std::move(named)), mode_(mode), read_only_(mode == routing::Mode::read) {}

Handle::Handle(const Handle& parent, routing::Mode mode, std::shared_ptr<const std::string> tag)
    : connection_(parent.connection_),
      named_(parent.named_),
      tag_(std::move(tag)),
      mode_(mode),
      read_only_(mode == routing::Mode::read) {}

Handle::Handle(const Handle& parent, Kind kind, std::shared_ptr<Hold> hold, bool read_only, bool inner)
    : connection_(parent.connection_),
      named_(parent.named_),
      tag_(parent.tag_),
      mode_(parent.mode_),
      kind_(kind),
      read_only_(parent.read_only_ || read_only),
      hold_(std::move(hold)),
      level_(hold_->push(parent.level_, kind == Kind::transaction, inner)) {}

Handle::~Handle() {
  if (hold_ != nullptr) hold_->abandon(level_);
}

Result<std::shared_ptr<Handle>> Handle::derive(const std::shared_ptr<const std::string>& tag,
                                               routing::Mode mode) const {
  if (kind_ != Kind::pooled) {
    return told(fail(Status::misuse, "only a pooled handle has variants: this one is pinned or in a transaction"));
  }
  return std::shared_ptr<Handle>(new Handle(*this, mode, tag == nullptr ? tag_ : tag));
}

std::optional<Nanos> Handle::call_timeout() const {
  if (hold_ != nullptr) return hold_->endpoints()->settings().call_timeout;
  const std::shared_ptr<Connection> connection = named_ == nullptr ? connection_ : named_->peek();
  return connection == nullptr ? std::nullopt : connection->call_timeout();
}

bool Handle::is_known() const { return named_ == nullptr || hold_ != nullptr || named_->peek() != nullptr; }

Result<void> Handle::look_up(const CallOptions& options) const {
  if (is_known()) return {};
  auto found = named_->find(options);
  return found ? Result<void>() : told(found.take_error());
}

Failure Handle::told(Failure failure) const {
  failure->connection = name();
  return failure;
}

Result<void> Handle::query(QueryResult& answer, std::string_view text, const columnar::Params& params, bool named,
                           const CallOptions& options) {
  return told(
      on_endpoints([&](const EndpointsPtr& on) { return run(answer, on, text, params, named, options); }, options));
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
  if (settings.primary.pool.multiplex > 1 && may_share(*request.statement, options)) {
    Result<bool> answered = run_shared(answer, on, request, options);
    if (!answered) return answered.take_error();
    if (*answered) return {};
  }
  if (!answer.stream().leased()) {
    if (Result<void> opened = open_stream(answer.stream(), on, request.statement, options); !opened) return opened;
  }
  return options.stream ? answer.begin(std::move(request), options)
                        : answer.read_whole(std::move(request), options, settings.result_bytes);
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

Result<void> Handle::open_stream(Stream& stream, const EndpointsPtr& on,
                                 const std::shared_ptr<const sql::Statement>& statement, const CallOptions& options) {
  if (kind_ == Kind::pooled) {
    return lease_for(stream.own(), on, counts_as_read(*statement, options), statement, options);
  }
  Result<HoldUse> use = enter(options);
  if (!use) return use.take_error();
  stream.use(use.take());
  return {};
}

Result<void> Handle::lease_for(Leased& leased, const EndpointsPtr& on, bool read,
                               std::shared_ptr<const sql::Statement> statement, const CallOptions& options) {
  const routing::Order order = on->order(read, mode_);
  leased.prepare(on, {tag_, std::move(statement)});
  for (uint32_t i = 0;; ++i) {
    Result<void> done = lease(leased, order[i], options);
    if (done || i + 1 == order.size() || !next_may_serve(done.error())) return done;
  }
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
  const auto lease = [&](const EndpointsPtr& on) { return lease_for(leased, on, read, nullptr, options); };
  if (Result<void> done = on_endpoints(lease, options); !done) return done.take_error();
  return Hold::make(std::move(leased));
}

Result<std::shared_ptr<Handle>> Handle::pin(const CallOptions& options) {
  if (kind_ != Kind::pooled) {
    return told(fail(Status::misuse, "this handle has a session of its own already"));
  }
  auto hold = hold_for(mode_ == routing::Mode::read, options);
  if (!hold) return told(hold.take_error());
  return std::shared_ptr<Handle>(new Handle(*this, Kind::pinned, hold.take(), false, false));
}

}  // namespace tl::connection
