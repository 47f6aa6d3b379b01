// What a pool tells of itself: figures, who holds what, and the error of a caller who got nothing in time.
#include <algorithm>
#include <cmath>

#include "pool.hpp"
#include "pool_inside.hpp"
#include "seen_session.hpp"

namespace tl::pool {
namespace {

constexpr size_t most_holders_told = 5;
constexpr size_t most_names_told = 3;

// One line of at most `limit` characters: white space and control characters become single spaces.
std::string one_line(std::string_view text, size_t limit) {
  std::string line;
  size_t characters = 0;
  bool space = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      space = !line.empty();
      continue;
    }
    const bool begins_character = (byte & 0xc0) != 0x80;
    if (begins_character && (characters += space ? 2 : 1) > limit) return line + "…";
    if (space) line += ' ';
    space = false;
    line += c;
  }
  return line;
}

std::string spoken_number(double number, const char* unit) {
  std::string text = std::to_string(std::llround(number * 10));  // in tenths
  const char tenth = text.back();
  text.pop_back();
  if (text.empty()) text = "0";
  if (tenth != '0') text = text + '.' + tenth;
  return text + ' ' + unit;
}

// Not negative, although the coarse clock may be behind.
Nanos time_between(Instant from, Instant to) noexcept { return std::max(to - from, Nanos(0)); }

std::string told_limit(const Figures& figures) {
  std::string text = std::to_string(figures.max);
  if (figures.max_overflow > 0) text += " and " + std::to_string(figures.max_overflow) + " overflow";
  return text;
}

std::string told_holder(const LeaseInfo& lease) {
  std::string text = lease.tag.empty() ? "untagged" : "tag \"" + lease.tag + '"';
  text += " for " + spoken(lease.held);
  if (!lease.statement.empty()) text += ": " + lease.statement;
  return text;
}

// Those held longest first.
std::vector<LeaseInfo> leases_in(std::vector<SeenSession> sessions, Instant at) {
  std::erase_if(sessions, [](const SeenSession& seen) { return !seen.leased; });
  std::stable_sort(sessions.begin(), sessions.end(),
                   [](const SeenSession& a, const SeenSession& b) { return a.leased_since < b.leased_since; });
  std::vector<LeaseInfo> leases;
  leases.reserve(sessions.size());
  for (const SeenSession& seen : sessions) {
    leases.push_back({.tag = one_line(seen.tag.view(), tag_characters),
                      .statement = one_line(seen.statement.view(), statement_characters),
                      .backend_id = std::string(seen.backend_id.view()),
                      .session = seen.session,
                      .owner = seen.owner,
                      .held = time_between(seen.leased_since, at)});
  }
  return leases;
}

std::string told_holders(const std::vector<LeaseInfo>& leases) {
  std::string text;
  for (size_t i = 0; i < leases.size() && i < most_holders_told; ++i) text += (i ? "; " : "") + told_holder(leases[i]);
  if (leases.size() > most_holders_told) text += "; and " + std::to_string(leases.size() - most_holders_told) + " more";
  return text;
}

std::string told_names(const std::vector<SessionLimit::Holder>& holders) {
  std::string text;
  for (size_t i = 0; i < holders.size() && i < most_names_told; ++i) {
    text += (i ? ", \"" : "\"") + holders[i].connection + "\" " + std::to_string(holders[i].sessions);
  }
  return text;
}

// Of a caller for whom the pool had a place, and neither a session nor a dial.
bool wanted_a_permit(const Figures& figures) noexcept {
  const uint64_t held = uint64_t{figures.leased} + figures.idle + figures.dialling;
  return held < uint64_t{figures.max} + figures.max_overflow && figures.dialling <= figures.waiting;
}

// Adds how the limit over all pools stands.
void tell_limit(Error& error, SessionLimit& limit) {
  const SessionLimit::Figures figures = limit.figures();
  const std::string names = told_names(limit.holders());
  error.message += "; max_open: " + std::to_string(figures.open) + " of " + std::to_string(limit.max()) +
                   " sessions over all names are open";
  if (!names.empty()) error.message += " (most of them: " + names + ')';
  error.details.emplace_back("max_open", std::to_string(limit.max()));
  error.details.emplace_back("open", std::to_string(figures.open));
  if (!names.empty()) error.details.emplace_back("most", names);
}

}  // namespace

std::string spoken(Nanos duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 1) return spoken_number(seconds * 1000, "ms");
  if (seconds < 120) return spoken_number(seconds, "s");
  if (seconds < 7200) return spoken_number(seconds / 60, "min");
  return spoken_number(seconds / 3600, "h");
}

Figures Pool::Inside::count() const noexcept {
  Figures figures;
  figures.idle = idle.size();
  figures.leased = leased;
  figures.dialling = dialling;
  figures.waiting = line.size();
  figures.max = settings.max;
  figures.max_overflow = settings.max_overflow;
  figures.opened = sessions_opened;
  figures.closed = sessions_closed;
  figures.dial_failures = dial_failures;
  figures.acquired = acquired;
  figures.waited = waited;
  figures.acquire_timeouts = acquire_timeouts;
  return figures;
}

Pool::Inside::View Pool::Inside::look() const {
  View view;
  view.at = clock.now();
  for (;;) {  // space for the sessions is made without the lock
    Lock lock(mutex);
    const size_t needed = all.size();
    if (needed <= view.sessions.capacity()) {
      for (const Slot* slot = all.first(); slot; slot = slot->newer) view.sessions.emplace_back(*slot);
      view.figures = count();
      view.last_failure = last_failure;
      return view;
    }
    lock.unlock();
    view.sessions.reserve(needed);
  }
}

void Pool::Inside::count_timeout() noexcept {
  const Lock lock(mutex);
  ++acquire_timeouts;
}

Figures Pool::figures() const {
  Inside::Lock lock(inside_->mutex);
  Figures figures = inside_->count();
  const std::shared_ptr<const Error> last_failure = inside_->last_failure;
  lock.unlock();
  if (last_failure) figures.last_dial_error = last_failure->message;
  return figures;
}

uint64_t Pool::acquired() const noexcept {
  const Inside::Lock lock(inside_->mutex);
  return inside_->acquired;
}

uint32_t Pool::leased() const noexcept {
  const Inside::Lock lock(inside_->mutex);
  return inside_->leased;
}

bool Pool::lent_to_others(uint64_t owner) const noexcept {
  const Inside::Lock lock(inside_->mutex);
  return inside_->lent_to_others(owner);
}

Pressure Pool::pressure() const noexcept {
  const Inside::Lock lock(inside_->mutex);
  return {inside_->leased >= inside_->limit, inside_->line.size()};
}

std::vector<LeaseInfo> Pool::leases() const {
  Inside::View view = inside_->look();
  return leases_in(std::move(view.sessions), view.at);
}

std::vector<SessionInfo> Pool::sessions() const {
  const Inside::View view = inside_->look();
  std::vector<SessionInfo> infos;
  for (const SeenSession& seen : view.sessions) {
    infos.push_back({.session = seen.session,
                     .backend_id = std::string(seen.backend_id.view()),
                     .leased = seen.leased,
                     .age = time_between(seen.opened, view.at),
                     .quiet = seen.leased ? Nanos(0) : time_between(seen.quiet_since, view.at)});
  }
  return infos;
}

const std::string& Pool::endpoint() const noexcept { return inside_->endpoint; }

const config::Pool& Pool::settings() const noexcept { return inside_->settings; }

Failure Pool::exhausted(Nanos waited, const Borrower& borrower) const {
  inside_->count_timeout();
  Inside::View view = inside_->look();
  const Figures& figures = view.figures;
  const std::string holders = told_holders(leases_in(std::move(view.sessions), view.at));
  const std::string limit = told_limit(figures);
  // Nobody holds anything up then but the server, also between two dials to one that is silent.
  const bool silent = view.last_failure && view.last_failure->status == Status::connect_timeout;
  SessionLimit& over_all = inside_->limit_over_all;
  const bool limited = over_all.figures().open >= over_all.max() && wanted_a_permit(figures);
  const bool unanswered = !limited && figures.leased + figures.idle == 0 && (figures.dialling > 0 || silent);

  std::string message =
      unanswered ? "\"" + inside_->endpoint + "\" has let no session in" : "no session of \"" + inside_->endpoint + '"';
  message += " within " + spoken(std::max(waited, Nanos(0))) + ": " + std::to_string(figures.leased) + " of " + limit +
             " leased";
  if (!holders.empty()) message += " (" + holders + ')';
  if (figures.dialling > 0) message += ", " + std::to_string(figures.dialling) + " being opened";
  message += ", " + std::to_string(figures.waiting) + " waiting";
  if (view.last_failure) message += "; last dial: " + view.last_failure->message;

  Failure failure = unanswered ? inside_->refusal(Status::connect_timeout, std::move(message), Phase::connect)
                               : inside_->refusal(Status::acquire_timeout, std::move(message));
  failure->details = {{"leased", std::to_string(figures.leased)},
                      {"max", limit},
                      {"waiting", std::to_string(figures.waiting)},
                      {"dialling", std::to_string(figures.dialling)}};
  if (!holders.empty()) failure->details.emplace_back("holders", holders);
  if (view.last_failure) failure->details.emplace_back("last_dial", view.last_failure->message);
  if (limited) tell_limit(*failure, over_all);
  inside_->source.tell(observe::Kind::timeout, [&](observe::Event& event) {
    event.duration = waited;
    event.status = failure->status;
    event.tag = borrower.tag;
    event.statement = borrower.statement;
    event.message = failure->message;
  });
  return failure;
}

}  // namespace tl::pool
