// An answer that is read while it arrives, on a queue.
#pragma once
#include "answer.hpp"
#include "pending.hpp"

namespace trunkline {

// What async_connection::stream gives. Nothing is read before it is asked for. It holds its session until it is read or
// gone. [one thread at a time]; until an answer of next() or next_set() has come it may only go.
class result_stream {
 public:
  // Takes `raw`. Used by connection.
  result_stream(tl_result* raw, detail::queued way) : sets_(std::make_shared<sets>(raw)), way_(std::move(way)) {}

  // The next batch of the current set; nullopt: the set has ended. `timeout` 0: that of the statement.
  //   while (const auto batch = co_await stream.next()) {
  //     for (auto [id, name] : batch->as<int64_t, std::string_view>()) { … }
  //   }
  pending<std::optional<batch>> next(std::chrono::milliseconds timeout = {}) {
    return way_.run<tl_batch>(
        detail::call_of(timeout),
        [this](const tl_call* call, tl_batch** out, tl_error** err) {
          return tl_result_next(sets_->raw(), call, out, err);
        },
        [sets = sets_](tl_batch* raw) { return sets->numbered(raw); });
  }
  // Moves to the next result set, dropping what is left of this one; false: there is none.
  pending<bool> next_set() {
    return way_.run_completed(
        detail::call_of(std::chrono::milliseconds(0)),
        [this](const tl_call* call, tl_error** err) { return tl_result_next_set(sets_->raw(), call, nullptr, err); },
        [sets = sets_](const tl_completion& done) { return sets->moved(done.arg[0] != 0); });
  }

  // As result's.
  [[nodiscard]] size_t column_count() const noexcept { return sets_->column_count(); }
  [[nodiscard]] std::vector<column> columns() const { return sets_->columns(); }
  [[nodiscard]] size_t index(std::string_view name) const { return sets_->index(name); }
  [[nodiscard]] int64_t affected() const noexcept { return sets_->affected(); }
  [[nodiscard]] std::string_view endpoint() const noexcept { return sets_->endpoint(); }
  [[nodiscard]] trunkline::role role() const noexcept { return sets_->role(); }
  [[nodiscard]] std::optional<std::chrono::milliseconds> lag() const noexcept { return sets_->lag(); }

 private:
  struct sets : detail::result_sets {
    using result_sets::moved;
    using result_sets::numbered;
    using result_sets::result_sets;
    [[nodiscard]] tl_result* raw() const noexcept { return raw_.get(); }
  };

  std::shared_ptr<sets> sets_;  // answers that have not come yet read on, also where the stream has moved or gone
  detail::queued way_;
};

}  // namespace trunkline
