#include "asking.hpp"

#include "together.hpp"

namespace tl::registry {

using connection::CallOptions;

constexpr Nanos patience = std::chrono::seconds(3);

Result<void> ask_servers(size_t count, const CallOptions& options, std::string_view what,
                         const std::function<void(size_t, const CallOptions&)>& ask) {
  CallOptions asking = options;
  if (asking.deadline.is_never()) asking.deadline = Deadline::after(steady_clock().now(), patience);
  Result<void> done = runtime::together(count, options.ticket.get(), [&](size_t i, const auto& ticket) {
    CallOptions own = asking;
    own.ticket = ticket;
    ask(i, own);
  });
  if (!done) return done;
  if (options.ticket != nullptr && options.ticket->cancelled()) {
    return fail(Status::cancelled, std::string("the call was cancelled while servers were asked ").append(what));
  }
  return {};
}

}  // namespace tl::registry
