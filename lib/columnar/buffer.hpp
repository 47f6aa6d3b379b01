// Growable bytes without zeroing; the first few live in the object, so that a one-row answer allocates little.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tl::columnar {

class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept { take(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  ~Buffer() { drop(); }

  [[nodiscard]] uint8_t* data() noexcept { return data_; }
  [[nodiscard]] const uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }

  // Room for `n` more bytes; returns where they begin. Throws std::bad_alloc.
  uint8_t* grow(size_t n) {
    if (size_ + n > capacity_) reserve(size_ + n);
    uint8_t* at = data_ + size_;
    size_ += n;
    return at;
  }
  void append(const void* bytes, size_t n) {
    if (n != 0) std::memcpy(grow(n), bytes, n);
  }
  template <class T>
  void push(T value) {
    std::memcpy(grow(sizeof value), &value, sizeof value);
  }
  void resize_zeroed(size_t n) {
    if (n > size_) {
      const size_t more = n - size_;
      std::memset(grow(more), 0, more);
    }
    size_ = n;
  }
  void clear() noexcept { size_ = 0; }

 private:
  static constexpr size_t inline_bytes = 48;

  void reserve(size_t wanted);
  void drop() noexcept {
    if (data_ != small_) free_own();
  }
  void free_own() noexcept;
  void take(Buffer& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    if (other.data_ == other.small_) {
      data_ = small_;
      capacity_ = inline_bytes;
      std::memcpy(small_, other.small_, size_);
    } else {
      data_ = std::exchange(other.data_, other.small_);
      capacity_ = std::exchange(other.capacity_, inline_bytes);
    }
  }

  uint8_t* data_ = small_;
  size_t size_ = 0;
  size_t capacity_ = inline_bytes;
  alignas(16) uint8_t small_[inline_bytes];
};

}  // namespace tl::columnar
