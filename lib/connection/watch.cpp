#include "watch.hpp"

namespace tl::connection {
namespace {

using observe::Kind;

constexpr observe::Kinds ends = bit(Kind::query) | bit(Kind::slow_query) | bit(Kind::timeout);

}  // namespace

// Two readings of the precise clock are a few percent of a statement of SQLite's that finds one row: it is timed by the
// coarse one while nobody listens.
void Watch::begin(const Leased& leased, const std::shared_ptr<const std::string>& tag,
                  const std::shared_ptr<const sql::Statement>& statement) noexcept {
  const Endpoint& endpoint = leased.endpoint();
  source_ = endpoint.source().get();
  const bool listened = source_->wants_any(ends);
  precise_ = listened || endpoint.settings().address.driver != config::DriverKind::sqlite;
  if (listened) {
    try {
      const driver::Session& session = leased.session();
      told_ = std::make_unique<const Told>(Told{statement, tag, session.number(), session.backend_id()});
    } catch (const std::bad_alloc&) {
      source_->drop();
    }
  }
  began_ = now();
}

void Watch::end(const Error* failure) noexcept {
  if (source_ == nullptr) return;
  const Nanos took = now() - began_;
  source_->counters().statements.add(took);
  if (failure != nullptr) source_->counters().count_failure(*failure);
  if (told_ != nullptr) {
    tell(Kind::query, took, failure);
    if (took >= source_->slow_query()) tell(Kind::slow_query, took, failure);
    if (failure != nullptr && failure->status == Status::statement_timeout) tell(Kind::timeout, took, failure);
    told_ = nullptr;
  }
  source_ = nullptr;
}

void Watch::tell(Kind kind, Nanos took, const Error* failure) const noexcept {
  source_->tell(kind, [&](observe::Event& event) {
    event.session = told_->session;
    event.backend_id = told_->backend_id;
    if (told_->tag != nullptr) event.tag = *told_->tag;
    event.duration = took;
    if (failure != nullptr) event.status = failure->status;
    event.statement = told_->statement->text;
  });
}

}  // namespace tl::connection
