// Handle's way to another connection, while no server of its own can serve.
#include "handle.hpp"

namespace tl::connection {
namespace {

// None of them could be reached or lent, and the statement has certainly not run.
bool nobody_serves(const Error& error) noexcept {
  if (error.outcome != Outcome::not_sent && error.outcome != Outcome::refused) return false;
  return error.status == Status::unavailable || error.status == Status::connect_timeout ||
         error.status == Status::acquire_timeout;
}

}  // namespace

Result<void> Handle::check_fallback(const CallOptions& options) const {
  if (options.fallback == nullptr || options.fallback->name() != name()) return {};
  return fail(Status::misuse, "a connection is not its own fallback");
}

// What this handle's reads are to find is not in another database.
std::string Handle::fallback_name(const config::Connection& settings, bool read, const CallOptions& options) const {
  const bool reads = read && mode_ != routing::Mode::write;
  if (kind_ != Kind::pooled || (reads ? written_->any() : !settings.fallback_writes)) return "";
  return options.fallback == nullptr ? settings.fallback : options.fallback->name();
}

Result<std::shared_ptr<Handle>> Handle::fallback(const Error& why, const Text& text, const CallOptions& options) const {
  const std::shared_ptr<Handle> none;
  if (!nobody_serves(why) || over(options) != runtime::Ended::finished) return none;
  const std::shared_ptr<Connection> own = known();
  const EndpointsPtr on = own == nullptr ? nullptr : own->peek();
  if (on == nullptr) return none;
  const bool read = text.may_read && is_read(*on, text, options);
  const std::string name = fallback_name(on->settings(), read, options);
  if (name.empty()) return none;
  std::shared_ptr<Connection> other = options.fallback;
  if (other == nullptr) {
    auto found = finder_.find(name, options);
    if (!found) return found.take_error();
    other = found.take();
  }
  tell_of(*on, observe::Kind::fallback, why, text.sql,
          [&](observe::Event& event) { event.message = "asks \"" + name + "\": " + why.message; });
  // What was written there is found there, at the primary.
  const auto mode = on->settings().fallback_writes && !read_only_ ? routing::Mode::write : routing::Mode::read;
  return std::shared_ptr<Handle>(new Handle(*this, std::move(other), mode));
}

bool Handle::is_read(Endpoints& on, const Text& text, const CallOptions& options) {
  const auto found = on.statements()->find(text.sql, text.named);
  return found && counts_as_read(**found, options);
}

// What a statement has come to where it ran counts, also that it was stopped there.
Failure Handle::neither(Failure own, Failure other) {
  const bool came_to_it =
      other->outcome != Outcome::not_sent && other->phase != Phase::connect && !nobody_serves(*other);
  if (was_stopped(*other) || came_to_it) return other;
  const std::string name = other->connection.empty() ? "" : " \"" + other->connection + '"';
  own->message += "; its fallback" + name + " does not serve, either: " + other->message;
  return own;
}

}  // namespace tl::connection
