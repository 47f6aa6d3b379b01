// Rows as typed tuples: the range that result::as gives.
#pragma once
#include <functional>
#include <iterator>
#include <tuple>

#include "batches.hpp"
#include "options.hpp"

namespace trunkline {

// The rows of a result set that have not been read yet, as tuples; an input range. Where it stands is kept in the
// result, so that another range over the same result goes on there. Text and bytes that do not own their data
// (std::string_view, std::span) are valid until a range goes on past their batch (65536 rows, 4 MiB) or ends. Source:
// the result itself, or a std::reference_wrapper of it. [one thread at a time]
template <class Source, class... Ts>
class rows {
 public:
  using row = std::tuple<Ts...>;

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = row;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    row operator*() const { return from_->current(); }
    iterator& operator++() {
      from_->advance();
      return *this;
    }
    void operator++(int) { from_->advance(); }
    friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return at.at_end(); }

   private:
    friend rows;
    explicit iterator(rows* from) : from_(from) {}
    [[nodiscard]] bool at_end() const noexcept { return !from_->underlying().current_; }

    rows* from_ = nullptr;
  };

  // Throws TL_E_MISUSE where the set has not as many columns as there are types.
  explicit rows(Source source) : source_(std::move(source)) {
    const size_t columns = underlying().column_count();
    if (columns != sizeof...(Ts)) detail::refuse_width(sizeof...(Ts), columns);
  }

  // Waits for the first rows of a stream. Called again it goes on with the row that was reached.
  iterator begin() {
    if (!underlying().current_) underlying().next_rows();
    return iterator(this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  auto& underlying() noexcept {
    if constexpr (requires { source_.get(); }) {
      return source_.get();
    } else {
      return source_;
    }
  }
  row current() {
    return [&from = underlying()]<size_t... I>(std::index_sequence<I...>) {
      return row{from.current_->template get<Ts>(from.at_, I)...};  // in order, as braces are
    }
    (std::index_sequence_for<Ts...>());
  }
  void advance() {
    auto& from = underlying();
    if (++from.at_ == from.current_->rows()) from.next_rows();
  }

  Source source_;
};

}  // namespace trunkline
