// Handle's statements on sessions that several callers use at once.
#include "handle.hpp"
#include "shared.hpp"

namespace tl::connection {

bool Handle::may_share(const sql::Statement& statement, const CallOptions& options) const noexcept {
  return kind_ == Kind::pooled && !options.stream && !options.write && statement.kind == sql::Kind::read &&
         !statement.learned.writes() && statement.plain && runtime::Fiber::current() != nullptr;
}

Result<bool> Handle::run_shared(QueryResult& answer, const EndpointsPtr& on, const routing::Wish& wish,
                                const routing::Order& order, const driver::Request& request,
                                const CallOptions& options) {
  Endpoint& first = (*on)[order[0]];
  Leased& own = answer.stream().own();
  own.prepare(on, {tag_, request.statement});
  Ride ride(options);
  if (order.is_unsure(order[0]) || !first.shared().join(ride, request)) {
    if (Result<void> leased = lease_for(own, on, wish, order, request.statement, options); !leased) {
      return leased.take_error();
    }
    if (Result<void> wanted = Call(own, options).still_wanted(); !wanted) return wanted.take_error();
    if (!own.endpoint().shared().open(ride, request, own)) return false;
  }
  Watch watch;
  watch.begin(ride.leased(), tag_, request.statement);
  Result<void> done = ride.await();
  if (!done && ride.may_run_again()) return false;
  watch.end(done ? nullptr : &done.error());
  if (!done) return done.take_error();
  answer.take(std::move(ride.run().reply), ride.leased());
  return true;
}

}  // namespace tl::connection
