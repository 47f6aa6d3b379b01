// A value or the reason why there is none. (std::expected arrives with C++23.)
#pragma once
#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "error.hpp"

namespace tl {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& operator*() noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const noexcept { return *std::get_if<0>(&state_); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] T take() { return std::move(**this); }

  [[nodiscard]] const Error& error() const noexcept { return **std::get_if<1>(&state_); }
  [[nodiscard]] Failure take_error() noexcept { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Failure> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Failure failure) : failure_(std::move(failure)) {}

  [[nodiscard]] bool ok() const noexcept { return failure_ == nullptr; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const noexcept { return *failure_; }
  [[nodiscard]] Failure take_error() noexcept { return std::move(failure_); }

 private:
  Failure failure_;
};

}  // namespace tl
