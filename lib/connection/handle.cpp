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
  return "begin()";
}

}  // namespace

Handle::Handle(std::shared_ptr<Connection> connection, routing::Mode mode, std::shared_ptr<const std::string> tag)
    : connection_(std::move(connection)), tag_(std::move(tag)), mode_(mode), read_only_(mode == routing::Mode::read) {}

Handle::Handle(const Handle& parent, Kind kind, std::shared_ptr<Hold> hold, bool read_only)
    : connection_(parent.connection_),
      tag_(parent.tag_),
      mode_(parent.mode_),
      kind_(kind),
      read_only_(parent.read_only_ || read_only),
      hold_(std::move(hold)),
      level_(hold_->push()) {}

Handle::~Handle() {
  if (hold_ != nullptr) hold_->abandon(level_, undo_text());
}

Result<std::shared_ptr<Handle>> Handle::derive(std::shared_ptr<const std::string> tag, routing::Mode mode) const {
  if (kind_ != Kind::pooled) {
    return connection_->told(fail(Status::misuse, "only a pooled handle has variants: this one is pinned or in a transaction"));
  }
  return std::make_shared<Handle>(connection_, mode, tag == nullptr ? tag_ : std::move(tag));
}

Result<std::unique_ptr<QueryResult>> Handle::query(std::string_view text, const columnar::Params& params, bool named,
                                                   const CallOptions& options) {
  auto found = connection_->statements().find(text, named);
  if (!found) return connection_->told(found.take_error());
  std::shared_ptr<const sql::Statement> statement = found.take();
  if (Result<void> fine = allowed(*statement, options); !fine) return connection_->told(fine.take_error());

  std::vector<columnar::Value> ordered;
  columnar::Params positional = params;
  if (named) {
    auto bound = sql::bind_names(*statement, params);
    if (!bound) return connection_->told(bound.take_error());
    ordered = bound.take();
    positional.values = ordered.data();
    positional.count = ordered.size();
  }
  if (connection_->settings().echo) echo(*statement);
  Result<Stream> stream = stream_for(statement, options);
  if (!stream) return connection_->told(stream.take_error());
  driver::Request request{std::move(statement), positional, options.batch};
  return told(options.stream ? QueryResult::streamed(stream.take(), std::move(request), options)
                             : QueryResult::whole(stream.take(), std::move(request), options, connection_->settings().result_bytes));
}

// On one line, as it was given: values are never told.
void Handle::echo(const sql::Statement& statement) const {
  std::string line = connection_->name() + ": " + statement.text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  observe::log(observe::Level::warning, line);
}

Result<void> Handle::allowed(const sql::Statement& statement, const CallOptions& options) const {
  if (statement.kind == sql::Kind::control && kind_ != Kind::pinned) {
    return fail(Status::misuse, statement.verb + " as text would leave a shared session in a state nobody expects; use " +
                                    std::string(call_for(statement.verb)));
  }
  if (read_only_ && !counts_as_read(statement, options) && statement.kind != sql::Kind::control) {
    const bool unknown = statement.kind == sql::Kind::unknown;
    return fail(Status::read_only,
                statement.verb + (unknown ? " cannot be known to be a read, and this handle only reads; say so with the call if it is"
                                          : " is a write, and this handle only reads"));
  }
  return {};
}

Result<Stream> Handle::stream_for(const std::shared_ptr<const sql::Statement>& statement, const CallOptions& options) {
  if (kind_ == Kind::pooled) {
    Result<Leased> leased = lease_for(counts_as_read(*statement, options), statement, options);
    if (!leased) return leased.take_error();
    return Stream(leased.take());
  }
  Result<HoldUse> use = enter(options);
  if (!use) return use.take_error();
  return Stream(use.take());
}

Result<Leased> Handle::lease_for(bool read, std::shared_ptr<const sql::Statement> statement, const CallOptions& options) {
  auto endpoints = connection_->endpoints();
  if (!endpoints) return endpoints.take_error();
  Holder holder{tag_, std::move(statement)};
  const routing::Order order = (*endpoints)->order(read, mode_);
  for (uint32_t i = 0;; ++i) {
    Result<Leased> leased = lease(*endpoints, order[i], holder, options);
    if (leased || i + 1 == order.size() || !next_may_serve(leased.error())) return leased;
  }
}

Result<HoldUse> Handle::enter(const CallOptions& options, bool ends) {
  if (Result<void> entered = hold_->enter(level_, ends); !entered) return entered.take_error();
  HoldUse use(hold_);
  if (Result<void> paid = hold_->pay(connection_->statements(), options); !paid) return paid.take_error();
  return use;
}

Result<std::shared_ptr<Hold>> Handle::hold_for(bool read, const CallOptions& options) {
  Result<Leased> leased = lease_for(read, nullptr, options);
  if (!leased) return leased.take_error();
  return std::make_shared<Hold>(leased.take());
}

Result<std::shared_ptr<Handle>> Handle::pin(const CallOptions& options) {
  if (kind_ != Kind::pooled) {
    return connection_->told(fail(Status::misuse, "this handle has a session of its own already"));
  }
  auto hold = hold_for(mode_ == routing::Mode::read, options);
  if (!hold) return connection_->told(hold.take_error());
  return std::shared_ptr<Handle>(new Handle(*this, Kind::pinned, hold.take(), false));
}

}  // namespace tl::connection
