#include "health.hpp"

#include <optional>

#include "asking.hpp"
#include "probe.hpp"

namespace tl::registry {
namespace {

using columnar::Type;
using connection::CallOptions;
using connection::Endpoints;
using connection::Role;
using connection::State;

// One endpoint: a row.
struct Subject {
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Endpoints> endpoints;  // null: its connection is not open,
  EndpointSettings settings;             // and this is what it would be
  uint32_t index;
  std::optional<Nanos> latency = {};
  Failure failure = nullptr;

  [[nodiscard]] Role role() const {
    if (endpoints != nullptr) return (*endpoints)[index].role();
    return index == 0 ? Role::primary : Role::replica;
  }
  [[nodiscard]] std::string label() const {
    return endpoints == nullptr ? settings->address.label() : (*endpoints)[index].label();
  }
  [[nodiscard]] pool::Figures figures() const {
    if (endpoints != nullptr) return (*endpoints)[index].pool().figures();
    pool::Figures figures;
    figures.max = settings->pool.max;
    figures.max_overflow = settings->pool.max_overflow;
    return figures;
  }
};

void add_subjects(std::vector<Subject>& subjects, const std::shared_ptr<Entry>& entry, bool open) {
  Failure failure;  // to open it
  if (open && entry->state() == State::registered) {
    if (const auto connection = Entry::connection(entry)) {
      auto opened = connection->endpoints();
      if (!opened && opened.error().status != Status::closed) failure = opened.take_error();
    }
  }
  if (const auto endpoints = entry->peek()) {
    for (uint32_t i = 0; i < endpoints->size(); ++i) subjects.push_back({entry, endpoints, nullptr, i});
    return;
  }
  uint32_t index = 0;
  for (const EndpointSettings& settings : endpoint_settings(entry->settings())) {
    subjects.push_back({entry, nullptr, settings, index, {}, index == 0 ? std::move(failure) : nullptr});
    ++index;
  }
}

void ask(Subject& subject, const CallOptions& options) {
  if (subject.endpoints == nullptr) return;
  Result<Nanos> answered =
      options.deadline.passed(steady_clock().now())
          ? fail(Status::connect_timeout, "the time for asking was up before its turn", Phase::acquire)
          : connection::probe(subject.endpoints, subject.index, options);
  const auto now = subject.entry->peek();
  if (!answered && answered.error().status == Status::closed && now != nullptr && now != subject.endpoints &&
      subject.index < now->size()) {  // its settings were changed meanwhile
    subject.endpoints = now;
    return ask(subject, options);
  }
  if (answered) {
    subject.latency = *answered;
  } else {
    subject.failure = answered.take_error();
  }
}

// The pool's own words would tell what others run, and who they are.
std::string told(const Error& error, const pool::Figures& figures) {
  if (error.status != Status::acquire_timeout && error.status != Status::busy) return error.message;
  const auto limit = uint64_t{figures.max} + figures.max_overflow;
  std::string text =
      "no session came free in time: " + std::to_string(figures.leased) + " of " + std::to_string(limit) + " in use, ";
  if (figures.dialling > 0) text += std::to_string(figures.dialling) + " being opened, ";
  return text + std::to_string(figures.waiting) + " waiting";
}

// Reads go on to other endpoints at once; those that a silent replica gets wait for it first.
bool passes_on(const Subject& subject) {
  return subject.role() == Role::replica && subject.failure->status == Status::unavailable;
}

std::string status_of(const Subject& subject, State state) {
  if (subject.failure != nullptr && subject.failure->status == Status::closed && state == State::closed) {
    return "unknown";  // while it was asked, somebody closed it
  }
  if (subject.failure != nullptr) return passes_on(subject) ? "bypassed" : "unhealthy";
  return subject.latency ? "healthy" : "unknown";
}

void add_row(Table& table, const Subject& subject) {
  const State state = subject.entry->state();
  const pool::Figures figures = subject.figures();
  const Error* const failure = subject.failure.get();
  std::string error = failure == nullptr ? figures.last_dial_error : told(*failure, figures);
  if (failure == nullptr && state == State::closed) error = "it was closed, and connect() opens it again";
  table.add(
      {subject.entry->name(), std::string(connection::role_name(subject.role())), subject.label(),
       std::string(connection::state_name(state)), status_of(subject, state), subject.entry->settings()->health_check,
       subject.latency ? Cell(std::chrono::duration<double>(*subject.latency).count()) : Cell(), int64_t{figures.idle},
       int64_t{figures.leased}, int64_t{figures.dialling}, int64_t{figures.waiting}, int64_t{figures.max},
       int64_t{figures.max_overflow}, failure == nullptr ? Cell() : Cell(std::string(status_name(failure->status))),
       text_or_null(std::move(error))});
}

Result<void> ask_all(Table& table, const Entries& entries, bool open, const CallOptions& options) {
  std::vector<Subject> subjects;
  for (const auto& entry : entries) add_subjects(subjects, entry, open);
  std::vector<Subject*> asked;
  for (Subject& subject : subjects) {
    if (subject.endpoints != nullptr) asked.push_back(&subject);
  }
  Result<void> done = ask_servers(asked.size(), options, "how they are",
                                  [&](size_t i, const CallOptions& own) { ask(*asked[i], own); });
  if (!done) return done;
  for (const Subject& subject : subjects) add_row(table, subject);
  return {};
}

}  // namespace

Table health_table(const Registry& /*registry*/, const Entries& /*entries*/) {
  return Table({{"connection", Type::text},
                {"role", Type::text},
                {"endpoint", Type::text},
                {"state", Type::text},
                {"status", Type::text},
                {"health_check", Type::boolean},
                {"latency", Type::float64},
                {"idle", Type::int64},
                {"leased", Type::int64},
                {"dialling", Type::int64},
                {"waiting", Type::int64},
                {"max", Type::int64},
                {"max_overflow", Type::int64},
                {"reason", Type::text},
                {"error", Type::text}});
}

Result<void> ask_health(Table& table, const Registry& /*registry*/, const Entries& entries,
                        const CallOptions& options) {
  return ask_all(table, entries, false, options);
}

Result<void> open_and_ask_health(Table& table, const Registry& /*registry*/, const Entries& entries,
                                 const CallOptions& options) {
  return ask_all(table, entries, true, options);
}

}  // namespace tl::registry
