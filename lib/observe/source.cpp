#include "source.hpp"

#include <utility>

#include "log.hpp"

namespace tl::observe {
namespace {

// What happens now.
Event event_of(Kind kind, const std::string& connection) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  Event event;
  event.kind = kind;
  event.at = std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
  event.connection = connection;
  return event;
}

// "main: checkout of session 7 (backend 4711) of db.internal:5432/app, tag "web", 12.3 ms"
std::string line_of(const Event& event) {
  std::string line = event.connection + ": " + std::string(kind_name(event.kind));
  if (event.session != 0) line += " of session " + std::to_string(event.session);
  if (!event.backend_id.empty()) line += " (backend " + event.backend_id + ')';
  line += " of " + event.endpoint;
  if (!event.tag.empty()) line += ", tag \"" + event.tag + '"';
  if (event.duration) {
    const int64_t tenths = event.duration->count() / 100'000;
    line += ", " + std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " ms";
  }
  if (!event.message.empty()) line += ": " + event.message;
  return one_line(std::move(line));
}

}  // namespace

Event Source::begin(Kind kind) const {
  Event event = event_of(kind, settings_.connection);
  event.endpoint = settings_.endpoint;
  return event;
}

void Source::finish(Event&& event) {
  if ((echoed_ & bit(event.kind)) != 0) log(Level::warning, line_of(event));
  if (hub_->wants(event.kind)) hub_->publish(std::move(event));
}

void tell_state(Hub& hub, const std::string& connection, std::string_view state) noexcept {
  if (!hub.wants(Kind::state_change)) return;
  try {
    Event event = event_of(Kind::state_change, connection);
    event.message = state;
    hub.publish(std::move(event));
  } catch (const std::bad_alloc&) {
    hub.drop();
  }
}

bool tell_question(Hub& hub, Kind kind, const std::string& connection, uint64_t number) noexcept {
  try {
    Event event = event_of(kind, connection);
    event.question = number;
    return hub.publish(std::move(event));
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace tl::observe
