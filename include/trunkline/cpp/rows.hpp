// Rows as typed tuples: the range that result::as gives.
#pragma once
#include <functional>
#include <iterator>
#include <tuple>

#include "batches.hpp"

namespace trunkline {

// The rows of a result set that have not been read yet, as tuples; an input range. Text and bytes that do not own their
// data (std::string_view, std::span) are valid until the range goes on past their batch (65536 rows, 4 MiB) or ends.
// Source: the result itself, or a std::reference_wrapper of it. [one thread at a time]
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
    [[nodiscard]] bool at_end() const noexcept { return !from_->batch_; }

    rows* from_ = nullptr;
  };

  // Throws TL_E_MISUSE where the set has not as many columns as there are types.
  explicit rows(Source source) : source_(std::move(source)) {
    const size_t columns = underlying().column_count();
    if (columns != sizeof...(Ts)) {
      throw error(TL_E_MISUSE, "the program reads rows of " + std::to_string(sizeof...(Ts)) +
                                   " columns, the result has " + std::to_string(columns));
    }
  }

  // Waits for the first rows of a stream. Called again it goes on with the row that was reached.
  iterator begin() {
    if (!batch_) next_batch();
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
  row current() const {
    return [this]<size_t... I>(std::index_sequence<I...>) {
      return row{batch_->template get<Ts>(at_, I)...};  // in order, as braces are
    }
    (std::index_sequence_for<Ts...>());
  }
  void advance() {
    if (++at_ == batch_->rows()) next_batch();
  }
  void next_batch() {
    at_ = 0;
    do {
      batch_ = underlying().next();
    } while (batch_ && batch_->rows() == 0);
  }

  Source source_;
  std::optional<batch> batch_;
  int64_t at_ = 0;
};

}  // namespace trunkline
