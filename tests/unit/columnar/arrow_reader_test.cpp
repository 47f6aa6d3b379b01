// The strict reader itself: it must refuse what it is there to refuse.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "exported.hpp"

namespace tl::columnar {
namespace {

std::shared_ptr<Batch> texts() {
  return batch_of(field_of(Type::text), [](Column& c) {
    c.append_bytes("ab", 2);
    c.append_null();
    c.append_bytes("c", 1);
  });
}

std::shared_ptr<Batch> mixed() {
  return batch_of(field_of(Type::any), [](Column& c) {
    c.append_any_int64(1);
    c.append_any_int64(2);
    c.append_null();
  });
}

// Whether the reader refuses the export after `spoil`.
bool refuses(const std::shared_ptr<Batch>& batch, const std::function<void(Exported&)>& spoil) {
  Exported out(batch);
  (void)out.columns();
  spoil(out);
  try {
    (void)out.columns();
    return false;
  } catch (const ArrowFault&) {
    return true;
  }
}

template <class T>
T* writable(const ArrowArray& array, int64_t buffer) {
  return static_cast<T*>(const_cast<void*>(array.buffers[buffer]));
}

}  // namespace

TEST_CASE("the reader of Arrow refuses") {
  CHECK_FALSE(refuses(texts(), [](Exported&) {}));
  CHECK_FALSE(refuses(mixed(), [](Exported&) {}));
  SUBCASE("a wrong null count") {
    CHECK(refuses(texts(), [](Exported& out) { out.child().null_count = 2; }));
  }
  SUBCASE("nulls without a bitmap") {
    CHECK(refuses(texts(), [](Exported& out) { out.child().buffers[0] = nullptr; }));
  }
  SUBCASE("a missing or superfluous buffer") {
    CHECK(refuses(texts(), [](Exported& out) { out.child().n_buffers = 2; }));
    CHECK(refuses(mixed(), [](Exported& out) { out.child().n_buffers = 1; }));
  }
  SUBCASE("offsets that go back or do not begin at 0") {
    CHECK(refuses(texts(), [](Exported& out) { writable<int32_t>(out.child(), 1)[2] = 1; }));
    CHECK(refuses(texts(), [](Exported& out) { writable<int32_t>(out.child(), 1)[0] = 1; }));
  }
  SUBCASE("text that is not UTF-8") {
    CHECK(refuses(texts(), [](Exported& out) { *writable<uint8_t>(out.child(), 2) = 0xff; }));
  }
  SUBCASE("columns of different lengths") {
    CHECK(refuses(texts(), [](Exported& out) { out.array.length = 2; }));
  }
  SUBCASE("a union's unknown type id, or an offset that skips") {
    CHECK(refuses(mixed(), [](Exported& out) { *writable<int8_t>(out.child(), 0) = 5; }));
    CHECK(refuses(mixed(), [](Exported& out) { writable<int32_t>(out.child(), 1)[1] = 0; }));
  }
}

}  // namespace tl::columnar
