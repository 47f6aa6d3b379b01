// Names that are found on demand: handles on them, the question, and its answer.
#include "changes.hpp"
#include "log.hpp"

namespace tl::registry {

using connection::CallOptions;
using connection::Connection;
using connection::Handle;
using observe::Kind;

Result<std::shared_ptr<Handle>> Registry::handle(std::string_view name, routing::Mode mode) {
  const auto config = name.empty() ? this->config() : nullptr;  // holds the default's name
  const std::string_view meant = config == nullptr ? name : default_name(*config);
  auto entry = names_.find(meant);
  if (entry == nullptr && !hub_->wants(Kind::ask_name)) return not_found(name);
  const bool may_go = entry == nullptr || entry->was_asked_for();
  auto connection = entry == nullptr ? nullptr : Entry::connection(std::move(entry));
  if (connection != nullptr && !may_go) return std::make_shared<Handle>(std::move(connection), *this, mode);
  auto named = std::make_shared<connection::Named>(std::string(meant), *this, std::move(connection));
  return std::make_shared<Handle>(std::move(named), mode);
}

Result<std::shared_ptr<Connection>> Registry::find(std::string_view name) const {
  auto connection = names_.connection(name.empty() ? default_name(*config()) : name);
  if (connection == nullptr) return not_found(name);
  return connection;
}

Result<std::shared_ptr<Connection>> Registry::find(const std::string& name, const CallOptions& options) {
  for (;;) {
    auto connection = find(std::string_view(name));
    if (connection || !hub_->wants(Kind::ask_name)) return connection;
    auto asked = questions_->ask(Kind::ask_name, name, options);
    if (!asked) {
      Failure failure = asked.take_error();
      failure->connection = name;
      return failure;
    }
  }
}

Result<void> Registry::answer(uint64_t question, Status status, std::string_view text, std::optional<Nanos> keep) {
  const auto about = questions_->about(question);
  if (!about) {
    return fail(Status::not_found, "this question is not open any more: it was answered, or the time for it was up");
  }
  try {
    return answer(question, *about, status, text, keep);
  } catch (const std::bad_alloc&) {
    questions_->fail_for_want_of_memory(question);
    throw;
  }
}

Result<void> Registry::answer(uint64_t question, const Questions::Key& about, Status status, std::string_view text,
                              std::optional<Nanos> keep) {
  const auto& [kind, name] = about;
  const bool is_name = kind == Kind::ask_name;
  if (status != Status::ok) {
    std::string why = (is_name ? "the application has no connection \"" : "the application has no credentials for \"");
    why.append(name).append("\"");
    if (!text.empty()) why.append(": ").append(text);
    questions_->answer(question, fail(status, observe::one_line(std::move(why)), Phase::acquire));
    return {};
  }
  if (!is_name) return questions_->answer_credentials(question, name, text, keep);
  Result<void> done = take_found(name, text, {keep});
  questions_->answer(question,
                     done ? Result<Questions::Answer>(Questions::Answer()) : std::make_unique<Error>(done.error()));
  return done;
}

// Where somebody has added the name meanwhile, that counts.
Result<void> Registry::take_found(const std::string& name, std::string_view toml, const Found& found) {
  auto entry = read_entry(name, toml, &found);
  if (!entry) return entry.take_error();
  if (found.unused_for) forgetter_->keep(weak_from_this(), *entry, *found.unused_for);
  (void)insert(*entry);
  return {};
}

bool Registry::forget(const std::shared_ptr<Entry>& entry) {
  {
    const Changing changing(*this);
    if (names_.find(entry->name()) != entry || !entry->was_asked_for()) return false;
    (void)names_.erase(entry->name());
  }
  entry->release(true);
  return true;
}

}  // namespace tl::registry
