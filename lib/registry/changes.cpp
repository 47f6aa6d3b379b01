#include "changes.hpp"

#include "log.hpp"
#include "values.hpp"

namespace tl::registry {
namespace {

Failure other_settings(std::string_view name, const std::vector<std::string>& keys) {
  std::string message = source_of("add", name) + ": there is such a connection already, with other settings:";
  for (const std::string& key : keys) message.append(&key == &keys.front() ? " " : ", ").append(key);
  Failure failure = fail(Status::configuration, observe::one_line(std::move(message)), Phase::configure);
  for (const std::string& key : keys) failure->details.emplace_back("key", key);
  return failure;
}

Failure of(std::string_view name, Failure failure) {
  failure->connection = name;
  return failure;
}

// `written` null: those of the file.
Result<config::Node> own_settings(const config::Base& base, const std::string& name, const Written* written) {
  if (written != nullptr && written->own != nullptr) return *written->own;
  if (written == nullptr) {
    const config::Node* const own = config::file_connection(base, name);
    return own == nullptr ? config::Node() : *own;
  }
  auto own = config::read_connection(base, name, written->toml, source_of("add", name));
  if (own && written->unused_for) {
    own->set("idle_close", config::Node::string(config::duration_text(*written->unused_for), {}));
  }
  return own;
}

}  // namespace

std::string source_of(std::string_view verb, std::string_view name) {
  return std::string(verb) + "(\"" + std::string(name) + "\")";
}

void log_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) observe::log(observe::Level::warning, warning);
}

Result<config::Built> built(const std::string& name, const Written& written) {
  auto own = own_settings(*written.base, name, &written);
  if (!own) return own.take_error();
  return config::make_connection(*written.base, name, *own, source_of(written.own == nullptr ? "add" : "patch", name));
}

Result<std::shared_ptr<Entry>> Registry::read_entry(std::string_view name, std::string_view toml, const Found* found) {
  const auto config = this->config();
  auto written = std::make_shared<Written>();
  written->base = config->base;
  written->toml = toml;
  if (found != nullptr) written->unused_for = found->unused_for;
  auto built = registry::built(std::string(name), *written);
  if (!built) return of(name, built.take_error());
  if (Result<void> fine = check_fallback(built->connection, *written, source_of("add", name)); !fine) {
    return of(name, fine.take_error());
  }
  written->warnings = std::move(built->warnings);
  return make_entry(std::move(built->connection), std::move(written), found != nullptr);
}

Result<void> Registry::check_fallback(const config::Connection& connection, const Written& written,
                                      std::string_view source) const {
  const auto present = names_.find(connection.name);
  const bool is_new = present == nullptr || present->settings()->fallback != connection.fallback;
  if (connection.fallback.empty() || !is_new) return {};  // that one may have gone since says nothing of this change
  auto own = own_settings(*written.base, connection.name, &written);
  if (!own) return own.take_error();
  const auto fallback_of = [this](const std::string& name) {
    const auto found = names_.find(name);
    return found == nullptr ? std::nullopt : std::optional(found->settings()->fallback);
  };
  return config::check_fallback(*written.base, connection, *own, fallback_of, source);
}

// Answers what has the name already; null: nothing had.
std::shared_ptr<Entry> Registry::insert(const std::shared_ptr<Entry>& entry) {
  {
    const Changing changing(*this);
    if (auto present = names_.insert(entry)) return present;
  }
  log_warnings(entry->version().written->warnings);
  observe::tell_state(*hub_, entry->name(), connection::state_name(connection::State::registered));
  return nullptr;
}

Result<bool> Registry::add(std::string_view name, std::string_view toml) {
  auto entry = read_entry(name, toml, nullptr);
  if (!entry) return entry.take_error();
  const auto present = insert(*entry);
  if (present == nullptr) return true;
  config::Connection wanted = *(*entry)->settings();
  if (const auto unused_for = present->unused_for()) wanted.idle_close = unused_for;  // as of the same text
  const std::vector<std::string> keys = config::differences(*present->settings(), wanted);
  if (!keys.empty()) return of(name, other_settings(name, keys));
  return false;
}

// What `before` becomes where the text is laid over it.
Result<Version> Registry::patched(const std::string& name, const Version& before, std::string_view toml) const {
  const std::string source = source_of("patch", name);
  const auto config = this->config();
  auto own = own_settings(*config->base, name, before.written.get());
  if (own) own = config::patch_connection(*config->base, own.take(), name, toml, source);
  if (!own) return of(name, own.take_error());
  auto built = config::make_connection(*config->base, name, *own, source);
  if (!built) return of(name, built.take_error());
  auto written = std::make_shared<Written>();
  written->base = config->base;
  written->own = std::make_unique<const config::Node>(own.take());
  written->warnings = std::move(built->warnings);
  if (Result<void> fine = check_fallback(built->connection, *written, source); !fine)
    return of(name, fine.take_error());
  written->in_file = before.written == nullptr || before.written->in_file;
  if (before.written != nullptr) written->unused_for = before.written->unused_for;
  return Version{std::make_shared<const config::Connection>(std::move(built->connection)), std::move(written)};
}

Result<bool> Registry::patch(std::string_view name, std::string_view toml, bool verify,
                             const connection::CallOptions& options) {
  for (;;) {
    auto found = entry(name);
    if (!found) return found.take_error();
    const std::shared_ptr<Entry> entry = found.take();
    const auto config = this->config();
    const Version before = entry->version();
    auto after = patched(entry->name(), before, toml);
    if (!after) return after.take_error();
    if (*after->settings == *before.settings) return false;
    connection::Tried tried;
    if (verify) {
      auto fresh = try_out(entry, after->settings, options);
      if (!fresh) return fresh.take_error();
      tried = fresh.take();
    }
    const Changing changing(*this);
    if (config != this->config() || !is_still(*entry, before)) continue;  // somebody else was faster
    if (Result<void> done = entry->patch(*after, std::move(tried)); !done) return done.take_error();
    log_warnings(after->written->warnings);
    return true;
  }
}

Result<connection::Tried> Registry::try_out(const std::shared_ptr<Entry>& entry, const connection::Settings& settings,
                                            const connection::CallOptions& options) const {
  const auto connection = Entry::connection(entry);
  if (connection == nullptr) return not_found(entry->name());
  return connection->try_out(settings, options);
}

bool Registry::is_still(const Entry& entry, const Version& version) const {
  return names_.find(entry.name()).get() == &entry && entry.version().settings == version.settings;
}

}  // namespace tl::registry
