// Handle's verbs for many rows of values, which take effect together.
#include "handle.hpp"

namespace tl::connection {
namespace {

constexpr size_t most_rows = size_t{1} << 27;  // what is told of them stays below what a column can hold

Result<void> check(const driver::ManyRequest& request) {
  const sql::Statement& statement = *request.statement;
  if (statement.statements > 1) {
    return fail(Status::misuse, "a text of several statements cannot be run for many rows", Phase::send);
  }
  if (statement.kind == sql::Kind::control) {
    return fail(Status::misuse, statement.verb + " cannot be run for many rows", Phase::send);
  }
  if (statement.parameters == request.width || request.rows == 0) return {};
  return fail(Status::misuse,
              "the statement has " + std::to_string(statement.parameters) + " parameters, and each row has " +
                  std::to_string(request.width) + " values",
              Phase::send);
}

// Of rows that name their values: the values in the statement's order.
Result<std::vector<columnar::Value>> bind_all(const driver::ManyRequest& named) {
  std::vector<columnar::Value> all;
  all.reserve(named.rows * named.statement->parameters);
  for (size_t i = 0; i < named.rows; ++i) {
    auto bound = sql::bind_names(*named.statement, named.row(i));
    if (!bound) {
      Failure failure = driver::in_row(bound.take_error(), i);
      failure->outcome = Outcome::not_sent;  // of none of them
      return failure;
    }
    all.insert(all.end(), bound->begin(), bound->end());
  }
  return all;
}

}  // namespace

Result<void> Handle::execute_many(QueryResult& answer, std::string_view text, const columnar::Params& values,
                                  size_t rows, bool named, const CallOptions& options) {
  const auto execute_on = [&](Handle& handle, const EndpointsPtr& on) {
    return handle.execute(answer, on, text, values, rows, named, options);
  };
  return run_anywhere(execute_on, answer, {text, named, false}, options);
}

Result<void> Handle::execute(QueryResult& answer, const EndpointsPtr& on, std::string_view text,
                             const columnar::Params& values, size_t rows, bool named, const CallOptions& options) {
  auto found = on->statements()->find(text, named);
  if (!found && rows == 0) found = on->statements()->find(text, true);  // no values that tell whether they are
  if (!found) return found.take_error();
  driver::ManyRequest request{found.take(), values, rows == 0 ? 0 : values.count / rows, rows};
  std::vector<columnar::Value> ordered;
  if (named) {
    auto bound = bind_all(request);
    if (!bound) return bound.take_error();
    ordered = bound.take();
    request.values.values = ordered.data();
    request.values.count = ordered.size();
    request.width = request.statement->parameters;
  }
  if (Result<void> fine = check(request); !fine) return fine;
  return run_as_one(answer, on, request, options);
}

Result<void> Handle::load(QueryResult& answer, std::string_view table, const std::vector<std::string_view>& columns,
                          const columnar::Params& values, size_t rows, const CallOptions& options) {
  const auto load_on = [&](Handle& handle, const EndpointsPtr& on) -> Result<void> {
    Result<std::string> text = sql::loading_text(table, columns, on->statements()->dialect());
    if (!text) return text.take_error();
    auto found = on->statements()->find(*text, false);
    if (!found) return found.take_error();
    return handle.run_as_one(answer, on, {found.take(), values, columns.size(), rows, true}, options);
  };
  return run_anywhere(load_on, answer, {"", false, false}, options);
}

// Where the database does not see to it, a transaction or savepoint of its own makes the rows take effect together.
Result<void> Handle::run_as_one(QueryResult& answer, const EndpointsPtr& on, const driver::ManyRequest& request,
                                const CallOptions& options) {
  if (request.rows > most_rows) {
    return fail(Status::misuse, "more than " + std::to_string(most_rows) + " rows in one call", Phase::send);
  }
  if (Result<void> fine = allowed(*request.statement, options); !fine) return fine;
  if (on->settings().echo) echo(*request.statement);
  if (request.rows == 0) {
    answer.nothing_ran();
    return {};
  }
  if (on->driver().runs_many_as_one(*request.statement)) {
    driver::ManyRequest alone = request;
    alone.wants_position = keeps_track(*on);
    if (alone.wants_position) answer.stream().note_writes(written_);
    return run_many(answer, on, alone, options);
  }
  Result<std::shared_ptr<Handle>> begun = begin_level({}, true, options);
  if (!begun) return begun.take_error();
  return (*begun)->end_many((*begun)->run_many(answer, on, request, options), options);
}

Result<void> Handle::run_many(QueryResult& answer, const EndpointsPtr& on, const driver::ManyRequest& request,
                              const CallOptions& options) {
  if (kind_ == Kind::pooled) {
    const routing::Wish wish{.mode = mode_};
    Result<void> leased = lease_for(answer.stream().own(), on, wish, on->order(wish), request.statement, options);
    if (!leased) return leased;
  } else if (Result<void> used = use_hold(answer.stream(), options); !used) {
    return used;
  }
  return answer.run_many(request, options);
}

// Of the transaction or savepoint around them.
Result<void> Handle::end_many(Result<void> done, const CallOptions& options) {
  if (done) return end(true, options);
  const bool not_sent = done.error().outcome == Outcome::not_sent;
  if (Result<void> entered = hold_->enter(level_, true, options); !entered) return done;  // its session is gone
  const HoldUse use(hold_);
  Failure failure = not_committed(done.take_error(), options);
  if (not_sent) failure->outcome = Outcome::not_sent;
  return failure;
}

}  // namespace tl::connection
