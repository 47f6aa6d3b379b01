// What a caller holds: a pooled, pinned or transaction handle on a connection. Immutable; may be shared by threads.
#pragma once
#include <memory>
#include <string>

#include "named.hpp"
#include "query_result.hpp"
#include "retry.hpp"
#include "written.hpp"

namespace tl::connection {

// Whether the caller's word or, without one, the lexer's makes it a read, and no server has said otherwise.
[[nodiscard]] bool counts_as_read(const sql::Statement& statement, const CallOptions& options) noexcept;

class Handle : public std::enable_shared_from_this<Handle> {
 public:
  // Pooled ones. The finder, also of the named one, outlives them.
  Handle(std::shared_ptr<Connection> connection, Finder& finder, routing::Mode mode);
  Handle(std::shared_ptr<Named> named, routing::Mode mode);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] const std::string& name() const noexcept {
    return named_ == nullptr ? connection_->name() : named_->name();
  }
  [[nodiscard]] std::optional<Nanos> call_timeout() const;
  // Whether its connection is, and with it the time limit of calls; else look_up() waits for who knows.
  [[nodiscard]] bool is_known() const;
  [[nodiscard]] Result<void> look_up(const CallOptions& options) const;
  // Says of a failure whose it is.
  [[nodiscard]] Failure told(Failure failure) const;
  // Another tag (null keeps) and mode, whose reads find what this handle's find, and what was written up to `after`.
  // Errors: misuse on a pinned or transaction handle.
  [[nodiscard]] Result<std::shared_ptr<Handle>> derive(const std::shared_ptr<const std::string>& tag,
                                                       routing::Mode mode, const driver::Position& after) const;
  // What another handle's reads need to find what was written through this one, and what its own find. Errors: misuse,
  // the connection does not keep track of that; unavailable, the server has not told where the last write is.
  [[nodiscard]] Result<driver::Position> written() const;
  [[nodiscard]] routing::Mode mode() const noexcept { return mode_; }

  // Where a statement would go now, and why; it is not run. The endpoints in the order in which they would be asked,
  // the connection's fallback, and then those that would not. Errors: those of the text.
  struct Place {
    std::string connection;
    std::string endpoint;  // "" : whichever serves there
    std::optional<Role> role;
    std::optional<Nanos> lag;
    bool is_asked = false;
    std::string why;
  };
  struct Explained {
    std::shared_ptr<const sql::Statement> statement;
    std::string reason;  // for its kind
    std::vector<Place> places;
  };
  [[nodiscard]] Result<Explained> explain(std::string_view sql, const CallOptions& options);

  // `params` are positional, or all named. `answer` is an empty one.
  [[nodiscard]] Result<void> query(QueryResult& answer, std::string_view sql, const columnar::Params& params,
                                   bool named, const CallOptions& options);
  // Runs a statement for each of `rows` rows of values, row after row, each positional or all named: all of them or
  // none. `answer` as that of query().
  [[nodiscard]] Result<void> execute_many(QueryResult& answer, std::string_view sql, const columnar::Params& values,
                                          size_t rows, bool named, const CallOptions& options);
  // Fills columns of a table with rows, all of them or none, by the fastest way that the database has.
  [[nodiscard]] Result<void> load(QueryResult& answer, std::string_view table,
                                  const std::vector<std::string_view>& columns, const columnar::Params& values,
                                  size_t rows, const CallOptions& options);
  [[nodiscard]] Result<std::shared_ptr<Handle>> pin(const CallOptions& options);
  // A transaction, or a savepoint in one.
  [[nodiscard]] Result<std::shared_ptr<Handle>> begin(const driver::TransactionOptions& wanted,
                                                      const CallOptions& options);
  [[nodiscard]] Result<void> commit(const CallOptions& options);
  [[nodiscard]] Result<void> rollback(const CallOptions& options);

 private:
  enum class Kind : uint8_t { pooled, pinned, transaction, savepoint };

  Handle(const Handle& parent, routing::Mode mode, std::shared_ptr<const std::string> tag,
         const driver::Position& after);
  Handle(const Handle& parent, std::shared_ptr<Connection> fallback, routing::Mode mode);
  Handle(const Handle& parent, Kind kind, std::shared_ptr<Hold> hold, bool read_only, bool inner);

  // `inner`: for a verb of this handle, which goes on until it has ended.
  [[nodiscard]] Result<std::shared_ptr<Handle>> begin_level(const driver::TransactionOptions& wanted, bool inner,
                                                            const CallOptions& options);

  using EndpointsPtr = std::shared_ptr<Endpoints>;

  // Its connection; null: nobody has looked it up yet, or it was forgotten.
  [[nodiscard]] std::shared_ptr<Connection> known() const { return named_ == nullptr ? connection_ : named_->peek(); }

  // Those that a verb runs on. Where its connection leaves them before it has got a session it begins again.
  template <class Verb>
  [[nodiscard]] Result<void> on_endpoints(const Verb& verb, const CallOptions& options) {
    if (kind_ != Kind::pooled) {
      if (Result<void> here = hold_->is_here(); !here) return here;
      return verb(hold_->endpoints());
    }
    return named_ == nullptr ? connection_->on_endpoints(verb) : named_->on_endpoints(verb, options);
  }

  // fallback.cpp. A statement as the caller gave it.
  struct Text {
    std::string_view sql;
    bool named = false;
    bool may_read = true;  // false: it writes, whatever it says
  };
  // Runs verb(*this), and where no server of this connection can serve the statement, but its fallback may, verb() of a
  // handle on that.
  template <class Verb>
  [[nodiscard]] Result<void> or_by_fallback(const Verb& verb, QueryResult& answer, const Text& text,
                                            const CallOptions& options) {
    if (Result<void> fine = check_fallback(options); !fine) return fine;
    Result<void> done = verb(*this);
    if (done || kind_ != Kind::pooled) return done;
    auto other = fallback(done.error(), text, options);
    if (!other) return neither(done.take_error(), other.take_error());
    if (*other == nullptr) return done;
    answer.begin_anew();
    Result<void> instead = verb(**other);
    if (instead) return instead;
    return neither(done.take_error(), (*other)->told(instead.take_error()));
  }
  // Errors: misuse, the call names this connection itself.
  [[nodiscard]] Result<void> check_fallback(const CallOptions& options) const;
  // Who may serve what no server of this connection does, "" : nobody.
  [[nodiscard]] std::string fallback_name(const config::Connection& settings, bool read,
                                          const CallOptions& options) const;
  // Of who serves instead; null: nobody.
  [[nodiscard]] Result<std::shared_ptr<Handle>> fallback(const Error& why, const Text& text,
                                                         const CallOptions& options) const;
  [[nodiscard]] static bool is_read(Endpoints& on, const Text& text, const CallOptions& options);
  [[nodiscard]] static Failure neither(Failure own, Failure other);

  // Tries a verb of a pooled handle again where servers stand in its way. `answer`: what it fills, null: nothing.
  template <class Verb>
  [[nodiscard]] auto retrying(const Verb& verb, QueryResult* answer, std::string_view statement,
                              const CallOptions& options) -> decltype(verb()) {
    Retry retry;
    for (;;) {
      auto done = verb();
      if (done || kind_ != Kind::pooled) return done;
      Result<bool> again = try_again(retry, done.error(), statement, options);
      if (!again) return again.take_error();
      if (!*again) return done;
      if (answer != nullptr) answer->begin_anew();
    }
  }
  // verb(handle, endpoints), a statement's, of this handle or its fallback's, as often as it may be tried.
  template <class Verb>
  [[nodiscard]] Result<void> run_anywhere(const Verb& verb, QueryResult& answer, const Text& text,
                                          const CallOptions& options) {
    const auto by = [&](Handle& handle) {
      return handle.on_endpoints([&](const EndpointsPtr& on) { return verb(handle, on); }, options);
    };
    const auto once = [&] { return or_by_fallback(by, answer, text, options); };
    return told(retrying(once, &answer, text.sql, options));
  }
  // As Retry::again(), where the failure allows it.
  [[nodiscard]] Result<bool> try_again(Retry& retry, const Error& why, std::string_view statement,
                                       const CallOptions& options) const;

  // What a statement asks of whoever serves it.
  [[nodiscard]] Result<routing::Wish> wish(bool read, Endpoints& on, const CallOptions& options) const;
  // consistency.cpp. A place that a replica has come to once it has all that this handle's reads are to find; nothing:
  // only the primary certainly has it. Errors: misuse, a token that cannot be right.
  [[nodiscard]] Result<std::optional<driver::Position>> place_to_find(Endpoints& on, const CallOptions& options) const;
  [[nodiscard]] Failure not_there(driver::Standing is, const driver::Position& primary,
                                  const Written::State& state) const;
  // Whether what a statement writes is to be told.
  [[nodiscard]] bool keeps_track(const Endpoints& on) const noexcept;
  // After a failure: whether the statement has certainly not run, because its server only reads, and another one takes
  // writes. Then it is remembered as one.
  [[nodiscard]] bool belongs_elsewhere(const Error& error, const EndpointsPtr& on, const sql::Statement& statement,
                                       const CallOptions& options) const;
  [[nodiscard]] Result<Explained> explain_on(Endpoints& on, std::string_view sql, const CallOptions& options) const;
  void echo(const sql::Statement& statement) const;
  [[nodiscard]] Result<void> allowed(const sql::Statement& statement, const CallOptions& options) const;
  [[nodiscard]] Result<void> run(QueryResult& answer, const EndpointsPtr& on, std::string_view sql,
                                 const columnar::Params& params, bool named, const CallOptions& options);
  [[nodiscard]] bool may_share(const sql::Statement& statement, const CallOptions& options) const noexcept;
  [[nodiscard]] Result<void> serve(QueryResult& answer, const EndpointsPtr& on, const driver::Request& request,
                                   const CallOptions& options);
  // On a session that others use too. False: it has not run, and a session may have been leased for it.
  [[nodiscard]] Result<bool> run_shared(QueryResult& answer, const EndpointsPtr& on, const routing::Wish& wish,
                                        const routing::Order& order, const driver::Request& request,
                                        const CallOptions& options);
  [[nodiscard]] Result<void> execute(QueryResult& answer, const EndpointsPtr& on, std::string_view sql,
                                     const columnar::Params& values, size_t rows, bool named,
                                     const CallOptions& options);
  [[nodiscard]] Result<void> run_as_one(QueryResult& answer, const EndpointsPtr& on, const driver::ManyRequest& request,
                                        const CallOptions& options);
  [[nodiscard]] Result<void> run_many(QueryResult& answer, const EndpointsPtr& on, const driver::ManyRequest& request,
                                      const CallOptions& options);
  [[nodiscard]] Result<void> end_many(Result<void> done, const CallOptions& options);
  // Of one that is not pooled.
  [[nodiscard]] Result<void> use_hold(Stream& stream, const CallOptions& options);
  [[nodiscard]] Result<void> lease_for(Leased& leased, const EndpointsPtr& on, const routing::Wish& wish,
                                       const routing::Order& order,
                                       const std::shared_ptr<const sql::Statement>& statement,
                                       const CallOptions& options);
  [[nodiscard]] Result<HoldUse> enter(const CallOptions& options);
  [[nodiscard]] Result<std::shared_ptr<Handle>> pin_once(const CallOptions& options);
  [[nodiscard]] Result<std::shared_ptr<Hold>> hold_for(bool read, const CallOptions& options);
  [[nodiscard]] Result<void> begin_on(Leased& leased, const driver::TransactionOptions& wanted,
                                      const CallOptions& options);
  [[nodiscard]] Result<void> end(bool commit, const CallOptions& options);
  [[nodiscard]] Result<void> run_commit(Leased& leased, const CallOptions& options);
  [[nodiscard]] Result<void> commit_level(const CallOptions& options);
  [[nodiscard]] Failure not_committed(Failure failure, const CallOptions& options);
  [[nodiscard]] Result<void> undo_level(const CallOptions& options);
  [[nodiscard]] Result<void> told(Result<void> result) const {
    if (result) return result;
    return told(result.take_error());
  }

  const std::shared_ptr<Connection> connection_;  // null: see
  const std::shared_ptr<Named> named_;
  Finder& finder_;
  const std::shared_ptr<const std::string> tag_;
  const routing::Mode mode_;
  const Kind kind_ = Kind::pooled;
  const bool read_only_ = false;      // mode read, or a read-only transaction: writes are refused here already
  const std::shared_ptr<Hold> hold_;  // null: pooled
  const uint64_t level_ = 0;          // of the hold
  const std::shared_ptr<Written> written_ = std::make_shared<Written>();  // its own and of those begun on it
};

}  // namespace tl::connection
