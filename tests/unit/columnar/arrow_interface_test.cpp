// Who owns what across the Arrow C data interface, and the stream: released once, moved, ended, failed.
#include <doctest/doctest.h>

#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "arrow.hpp"
#include "exported.hpp"

namespace tl::columnar {
namespace {

std::shared_ptr<Batch> numbers(int64_t first, int64_t n) {
  return batch_of(field_of(Type::int64, "n"), [&](Column& c) {
    for (int64_t i = 0; i < n; ++i) c.append_int64(first + i);
  });
}

std::shared_ptr<Batch> nested() {
  auto batch =
      Batch::make(std::make_shared<const Schema>(Schema{list_of(field_of(Type::text), "l"), field_of(Type::any, "a")}));
  batch->columns()[0].child->append_bytes("x", 1);
  batch->columns()[0].append_list_end();
  batch->columns()[1].append_any_bytes(Type::text, "y", 1);
  batch->set_rows(1);
  return batch;
}

// Puts itself before the release of every array or schema below (and at) the root, and counts the calls.
template <class Node>
class Counted {
 public:
  explicit Counted(Node& root) {
    release() = root.release;
    calls() = 0;
    install(root);
  }
  int calls_made() const { return calls(); }
  int nodes() const { return nodes_; }

 private:
  using Release = void (*)(Node*);
  static Release& release() {
    static Release original;
    return original;
  }
  static int& calls() {
    static int n;
    return n;
  }
  static void count(Node* node) {
    ++calls();
    release()(node);
  }
  void install(Node& node) {
    CHECK((node.release == release()));
    node.release = count;
    ++nodes_;
    for (int64_t i = 0; i < node.n_children; ++i) install(*node.children[i]);
  }
  int nodes_ = 0;
};

struct Stream {
  explicit Stream(std::shared_ptr<const Schema> schema, BatchSource source) {
    export_stream(std::move(schema), std::move(source), &stream);
  }
  ~Stream() {
    if (stream.release != nullptr) stream.release(&stream);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ArrowArrayStream stream{};
};

}  // namespace

TEST_CASE("Arrow: releasing an array releases each child once, and marks itself released") {
  Exported out(nested());
  const Counted<ArrowArray> counted(out.array);
  CHECK(counted.nodes() == 1 + 2 + 1 + 5);
  out.array.release(&out.array);
  CHECK(counted.calls_made() == counted.nodes());
  CHECK(released(out.array));
}

TEST_CASE("Arrow: releasing a schema releases each child once, and marks itself released") {
  Exported out(nested());
  const Counted<ArrowSchema> counted(out.schema);
  CHECK(counted.nodes() == 1 + 2 + 1 + 5);
  out.schema.release(&out.schema);
  CHECK(counted.calls_made() == counted.nodes());
  CHECK(released(out.schema));
}

TEST_CASE("Arrow: an exported array keeps its batch until it is released, and no longer") {
  auto batch = numbers(1, 2);
  const std::weak_ptr<Batch> watch = batch;
  Exported out(std::move(batch));
  CHECK_FALSE(watch.expired());
  CHECK(out.columns()[0] == Cells{"1", "2"});
  out.array.release(&out.array);
  CHECK(watch.expired());
}

TEST_CASE("Arrow: a child that the consumer moved out outlives its parent") {
  auto batch = nested();
  const std::weak_ptr<Batch> watch = batch;
  Exported out(std::move(batch));
  ArrowArray list = std::exchange(out.child(0), {});
  ArrowSchema list_schema = std::exchange(*out.schema.children[0], {});
  ArrowArray text = std::exchange(*list.children[0], {});
  ArrowSchema text_schema = std::exchange(*list_schema.children[0], {});
  out.array.release(&out.array);
  out.schema.release(&out.schema);
  list.release(&list);
  list_schema.release(&list_schema);
  CHECK_FALSE(watch.expired());
  CHECK(read_array(text_schema, text) == Cells{"'x'"});
  text.release(&text);
  text_schema.release(&text_schema);
  CHECK(watch.expired());
}

TEST_CASE("Arrow: a moved structure is the structure") {
  Exported out(nested());
  ArrowArray moved = std::exchange(out.array, {});
  CHECK(read_record_batch(out.schema, moved) == std::vector<Cells>{{"['x']"}, {"text:'y'"}});
  moved.release(&moved);
  CHECK(released(moved));
}

TEST_CASE("Arrow: an export that fails leaves nothing behind") {
  auto batch =
      Batch::make(std::make_shared<const Schema>(Schema{field_of(Type::any, "fine"), field_of(Type::date, "day")}));
  batch->columns()[0].append_any_int64(1);
  batch->columns()[1].append_int32(std::numeric_limits<int32_t>::max());
  batch->set_rows(1);
  const std::weak_ptr<Batch> watch = batch;
  ArrowArray array{};
  const auto done = export_batch(std::move(batch), 0, &array);
  CHECK_FALSE(done.ok());
  CHECK(watch.expired());
  CHECK(released(array));
}

TEST_CASE("Arrow: a stream gives its schema, its batches in order, and its end") {
  auto schema = numbers(0, 0)->shared_schema();
  int64_t given = 0;
  Stream out(schema, [&]() -> Result<std::shared_ptr<const Batch>> {
    if (given == 3) return std::shared_ptr<const Batch>();
    return std::shared_ptr<const Batch>(numbers(10 * given++, 2));
  });
  ArrowArrayStream& stream = out.stream;

  ArrowSchema told{};
  REQUIRE(stream.get_schema(&stream, &told) == 0);
  std::vector<Cells> read;
  for (;;) {
    ArrowArray array{};
    REQUIRE(stream.get_next(&stream, &array) == 0);
    if (array.release == nullptr) break;
    read.push_back(read_record_batch(told, array)[0]);
    array.release(&array);
  }
  CHECK(read == std::vector<Cells>{{"0", "1"}, {"10", "11"}, {"20", "21"}});
  CHECK(stream.get_last_error(&stream) == nullptr);
  ArrowSchema again{};
  CHECK(stream.get_schema(&stream, &again) == 0);
  CHECK(std::string(again.children[0]->name) == "n");
  again.release(&again);
  told.release(&told);
}

TEST_CASE("Arrow: arrays and schema outlive their stream; what the source holds goes with it") {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  ArrowSchema schema{};
  ArrowArray array{};
  {
    Stream out(numbers(0, 0)->shared_schema(), [held = std::move(held)]() -> Result<std::shared_ptr<const Batch>> {
      return std::shared_ptr<const Batch>(numbers(5, 1));
    });
    REQUIRE(out.stream.get_schema(&out.stream, &schema) == 0);
    REQUIRE(out.stream.get_next(&out.stream, &array) == 0);
    CHECK_FALSE(watch.expired());
    out.stream.release(&out.stream);
    CHECK(released(out.stream));
  }
  CHECK(watch.expired());
  CHECK(read_record_batch(schema, array)[0] == Cells{"5"});
  array.release(&array);
  schema.release(&schema);
}

TEST_CASE("Arrow: a source that fails is an errno and a message, and the stream goes on if it does") {
  const std::pair<Status, int> codes[] = {{Status::unavailable, EIO},
                                          {Status::cancelled, ECANCELED},
                                          {Status::statement_timeout, ETIMEDOUT},
                                          {Status::no_memory, ENOMEM},
                                          {Status::data, EINVAL}};
  for (const auto& [status, code] : codes) {
    bool failed = false;
    Stream out(numbers(0, 0)->shared_schema(), [&, status = status]() -> Result<std::shared_ptr<const Batch>> {
      if (std::exchange(failed, true)) return std::shared_ptr<const Batch>(numbers(1, 1));
      return fail(status, "the server went away");
    });
    ArrowArray array{};
    CHECK(out.stream.get_next(&out.stream, &array) == code);
    CHECK(released(array));
    REQUIRE(out.stream.get_last_error(&out.stream) != nullptr);
    CHECK(std::string(out.stream.get_last_error(&out.stream)) == "the server went away");
    REQUIRE(out.stream.get_next(&out.stream, &array) == 0);
    CHECK(out.stream.get_last_error(&out.stream) == nullptr);
    array.release(&array);
  }
}

TEST_CASE("Arrow: a source without memory is ENOMEM") {
  Stream out(numbers(0, 0)->shared_schema(), []() -> Result<std::shared_ptr<const Batch>> { throw std::bad_alloc(); });
  ArrowArray array{};
  CHECK(out.stream.get_next(&out.stream, &array) == ENOMEM);
  CHECK(released(array));
}

TEST_CASE("Arrow: a value that cannot be held is named by its row in the whole stream") {
  int64_t given = 0;
  Stream out(std::make_shared<const Schema>(Schema{field_of(Type::date, "day")}),
             [&]() -> Result<std::shared_ptr<const Batch>> {
               const bool last = given++ == 1;
               return std::shared_ptr<const Batch>(batch_of(field_of(Type::date, "day"), [&](Column& c) {
                 c.append_int32(1);
                 c.append_int32(last ? std::numeric_limits<int32_t>::min() : 2);
               }));
             });
  ArrowArray array{};
  REQUIRE(out.stream.get_next(&out.stream, &array) == 0);
  array.release(&array);
  CHECK(out.stream.get_next(&out.stream, &array) == EINVAL);
  CHECK(std::string(out.stream.get_last_error(&out.stream)) ==
        "row 4, column \"day\": Arrow cannot hold an infinite value");
}

}  // namespace tl::columnar
