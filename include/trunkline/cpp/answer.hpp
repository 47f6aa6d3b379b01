// The answer of a statement.
#pragma once
#include "rows.hpp"

namespace trunkline {

namespace detail {

// What a result says of itself, and its place in the current set.
class result_sets {
 public:
  explicit result_sets(tl_result* raw) noexcept : raw_(raw) {}

  // Of the current set; 0 where the statement gives no rows.
  [[nodiscard]] size_t column_count() const noexcept { return tl_result_columns(raw_.get()); }
  [[nodiscard]] std::vector<column> columns() const {
    std::vector<tl_column> raw(column_count());
    if (!raw.empty()) raw[0].struct_size = sizeof(tl_column);
    detail::checked([&](tl_error** err) { return tl_result_schema(raw_.get(), raw.data(), raw.size(), err); });
    std::vector<column> found;
    found.reserve(raw.size());
    for (const tl_column& c : raw) {
      found.push_back({c.name, c.type, c.type_name, c.type_id, c.precision, c.scale, c.nullable});
    }
    return found;
  }
  // Which column has that name, for batch::get. Throws TL_E_NOT_FOUND.
  [[nodiscard]] size_t index(std::string_view name) const {
    const std::vector<column> all = columns();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].name == name) return i;
    }
    throw error(TL_E_NOT_FOUND, "the result has no column \"" + std::string(name) + "\"");
  }
  // Rows of the current set's statement; -1: unknown, as of a stream not yet read.
  [[nodiscard]] int64_t affected() const noexcept { return tl_result_affected(raw_.get()); }
  // SQLite: the id that the last INSERT made; 0: none.
  [[nodiscard]] int64_t last_id() const noexcept { return tl_result_last_id(raw_.get()); }
  // Who served it. Valid as long as the result.
  [[nodiscard]] std::string_view endpoint() const noexcept { return tl_result_endpoint(raw_.get()); }
  // The name that is an endpoint of: the one asked, or its fallback.
  [[nodiscard]] std::string_view connection() const noexcept { return tl_result_connection(raw_.get()); }
  // What that was when it began with the statement, and how far it was behind the primary then, at most; nullopt: not
  // known.
  [[nodiscard]] trunkline::role role() const noexcept { return trunkline::role{tl_result_role(raw_.get())}; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> lag() const noexcept {
    const int64_t behind = tl_result_lag_ms(raw_.get());
    return behind < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(behind));
  }

 protected:
  struct release {
    void operator()(tl_result* raw) const noexcept { tl_result_release(raw); }
  };

  // Takes the batch that has come, null for the end of the set.
  std::optional<batch> numbered(tl_batch* raw) {
    if (raw == nullptr) return std::nullopt;
    std::optional<batch> found(std::in_place, raw, column_count(), first_);
    first_ += found->rows();
    return found;
  }
  // Whether there was a set to move to.
  bool moved(bool more) noexcept {
    first_ = 1;
    return more;
  }

  std::unique_ptr<tl_result, release> raw_;
  int64_t first_ = 1;  // the number of the next batch's first row
};

}  // namespace detail

// Result sets, each a sequence of batches. A streamed one holds its session until it is read or gone. [one thread at a
// time]
class result : public detail::result_sets {
 public:
  // Takes `raw`. Used by connection and registry.
  using result_sets::result_sets;

  // The rows not read yet, as std::tuple<Ts...>:
  //   for (auto [id, name] : db.query("SELECT id, name FROM people").as<int64_t, std::string_view>())
  // Of a temporary it takes the result along. Throws TL_E_MISUSE where the number of columns is another; the range
  // throws TL_E_DATA for a value that its type cannot hold, naming row and column.
  template <class... Ts>
  [[nodiscard]] rows<std::reference_wrapper<result>, Ts...> as() & {
    return rows<std::reference_wrapper<result>, Ts...>(std::ref(*this));
  }
  template <class... Ts>
  [[nodiscard]] rows<result, Ts...> as() && {
    return rows<result, Ts...>(std::move(*this));
  }

  // The rows not read yet, at once. Types that refer to the batch (std::string_view, std::span) do not compile.
  template <class... Ts>
  [[nodiscard]] std::vector<std::tuple<Ts...>> all() {
    static_assert((detail::reader<Ts>::owns && ...), "the rows outlive their batch: std::string, not std::string_view");
    std::vector<std::tuple<Ts...>> found;
    for (auto&& row : as<Ts...>()) found.push_back(std::move(row));
    return found;
  }
  // The only row, or none. Throws TL_E_MISUSE for more than one; those after the first are still to be read then.
  template <class... Ts>
  [[nodiscard]] std::optional<std::tuple<Ts...>> maybe() {
    static_assert((detail::reader<Ts>::owns && ...), "the row outlives its batch: std::string, not std::string_view");
    auto range = as<Ts...>();
    auto at = range.begin();
    if (at == range.end()) return std::nullopt;
    std::optional row(*at);
    if (++at != range.end()) throw error(TL_E_MISUSE, "the program wants one row, the result has more");
    return row;
  }
  // The only row. Throws TL_E_MISUSE for any other number.
  template <class... Ts>
  [[nodiscard]] std::tuple<Ts...> one() {
    auto row = maybe<Ts...>();
    if (!row) throw error(TL_E_MISUSE, "the program wants one row, the result has none");
    return *std::move(row);
  }
  // The only value of the only row.
  template <class T>
  [[nodiscard]] T value() {
    return std::get<0>(one<T>());
  }

  // The next batch of the current set; nullopt: the set has ended. Waits only for a stream, at most `timeout` (0: that
  // of the statement). Throws TL_E_MISUSE where rows of a batch have been read and others of it have not.
  [[nodiscard]] std::optional<batch> next(std::chrono::milliseconds timeout = {}) {
    if (current_) {
      if (at_ != 0) throw error(TL_E_MISUSE, "the batch has rows that have not been read");
      return std::exchange(current_, std::nullopt);
    }
    return fetch(timeout);
  }
  // Moves to the next result set, dropping what is left of this one; false: there is none.
  bool next_set() {
    current_.reset();
    int32_t more = 0;
    detail::checked([&](tl_error** err) { return tl_result_next_set(raw_.get(), nullptr, &more, err); });
    return moved(more != 0);
  }

  // The remaining batches of the current set as an Arrow C stream, which may outlive the result. Throws TL_E_MISUSE
  // where rows of a batch have not been read.
  void export_stream(ArrowArrayStream* out) {
    if (current_) throw error(TL_E_MISUSE, "the result has rows of a batch that have not been read");
    detail::checked([&](tl_error** err) { return tl_result_export_stream(raw_.get(), out, err); });
  }

 private:
  template <class Source, class... Ts>
  friend class rows;

  std::optional<batch> fetch(std::chrono::milliseconds timeout) {
    const tl_call call = detail::call_of(timeout);
    tl_batch* raw = nullptr;
    detail::checked([&](tl_error** err) { return tl_result_next(raw_.get(), &call, &raw, err); });
    return numbered(raw);
  }
  // For rows: the next batch that has any is current, or none.
  void next_rows() {
    do {
      current_.reset();  // first: if fetching throws, its rows are not to come again
      at_ = 0;
      current_ = fetch({});
    } while (current_ && current_->rows() == 0);
  }

  std::optional<batch> current_;  // the batch whose rows are being read, and the row that comes next
  int64_t at_ = 0;
};

}  // namespace trunkline
