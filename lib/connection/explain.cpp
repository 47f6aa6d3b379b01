// Handle's word on where a statement would go.
#include "handle.hpp"
#include "lookout.hpp"

namespace tl::connection {
namespace {

Handle::Place place_of(Endpoints& on, uint32_t endpoint, bool is_asked, std::string why) {
  return {on.settings().name, on[endpoint].label(), on[endpoint].role(), on.lag_of(endpoint), is_asked, std::move(why)};
}

Result<std::string> reason_of(const sql::Statement& statement, sql::Dialect dialect, const CallOptions& options) {
  auto reason = sql::reason_of_kind(statement.text, dialect, statement.style == sql::Style::named);
  if (!reason) return reason;
  if (statement.learned.writes()) *reason += "; a server that only reads has refused it";
  if (options.read) *reason += "; the caller says that it reads";
  if (options.write) *reason += "; the caller says that it writes";
  return reason;
}

std::string why_asked(const Endpoints& on, const routing::Wish& wish, const routing::Order& order, uint32_t choice) {
  if (order[choice] == order.writer()) {
    if (on.size() == 1) return "is the only server";
    if (wish.mode == routing::Mode::write) return "takes the writes, and this handle reads there, too";
    if (!wish.read) return "takes the writes";
    return order.size() == 1 ? "takes the writes, and no replica can serve this read"
                             : "takes the writes, and serves reads where no replica does";
  }
  std::string why = choice == 0 ? "is the next by the policy" : "is asked where those before it cannot be reached";
  if (order.is_unsure(order[choice])) why += ", if it has applied by then what this read is to find";
  return why;
}

}  // namespace

Result<Handle::Explained> Handle::explain(std::string_view text, const CallOptions& options) {
  Explained explained;
  Result<void> done = on_endpoints(
      [&](const EndpointsPtr& on) -> Result<void> {
        auto made = explain_on(*on, text, options);
        if (!made) return made.take_error();
        explained = made.take();
        return {};
      },
      options);
  if (!done) return told(done.take_error());
  return explained;
}

Result<Handle::Explained> Handle::explain_on(Endpoints& on, std::string_view text, const CallOptions& options) const {
  auto found = on.statements()->find(text, false);
  if (!found) found = on.statements()->find(text, true);
  if (!found) return found.take_error();
  auto reason = reason_of(**found, on.statements()->dialect(), options);
  if (!reason) return reason.take_error();
  Explained explained{found.take(), reason.take(), {}};
  if (Result<void> fine = allowed(*explained.statement, options); !fine) return fine.take_error();
  if (kind_ != Kind::pooled) {
    explained.places.push_back(place_of(on, hold_->index(), true, "has the session of this handle"));
    return explained;
  }
  const bool read = counts_as_read(*explained.statement, options);
  auto wished = wish(read, on, options);
  if (!wished) return wished.take_error();
  const routing::Order order = on.order(*wished, false);
  routing::Set asked = 0;
  for (uint32_t i = 0; i < order.size(); ++i) {
    asked |= routing::Set{1} << order[i];
    explained.places.push_back(place_of(on, order[i], true, why_asked(on, *wished, order, i)));
  }
  if (std::string other = fallback_name(on.settings(), read, options); !other.empty()) {
    explained.places.push_back(
        {std::move(other), "", {}, {}, true, "is asked while no server of \"" + name() + "\" can be reached or lent"});
  }
  const Instant now = steady_clock().now();
  for (uint32_t i = 0; i < on.size(); ++i) {
    if ((asked & routing::Set{1} << i) != 0) continue;
    const Lookout::Told told = on.lookout().told(i);
    const auto fitness = routing::fitness(told.seen, told.is_writer, wished->max_lag, now);
    const bool is_elsewhere = fitness == routing::Fitness::fit && !wished->after.empty();
    explained.places.push_back(place_of(
        on, i, false,
        is_elsewhere ? "has not been seen to have what this read is to find" : routing::told(fitness, told.seen, now)));
  }
  return explained;
}

}  // namespace tl::connection
