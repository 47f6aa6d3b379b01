#include <doctest/doctest.h>

#include <string>

#include "statement.hpp"

using tl::Status;
using tl::columnar::Params;
using tl::columnar::Type;
using tl::columnar::Value;
using tl::sql::analyse;
using tl::sql::bind_names;
using tl::sql::Dialect;

namespace {

// Names and integers of one call.
class Call {
 public:
  Call& name(std::string_view text) {
    Value value;
    value.type = static_cast<uint8_t>(Type::name);
    value.offset = arena_.size();
    value.length = static_cast<uint32_t>(text.size());
    arena_ += text;
    values_.push_back(value);
    return *this;
  }
  Call& number(int64_t number) {
    Value value;
    value.type = static_cast<uint8_t>(Type::int64);
    value.i64 = number;
    values_.push_back(value);
    return *this;
  }
  [[nodiscard]] Params params() const { return {values_.data(), values_.size(), arena_}; }

 private:
  std::vector<Value> values_;
  std::string arena_;
};

std::vector<int64_t> bound(std::string_view text, Dialect dialect, const Call& call) {
  const auto values = bind_names(*analyse(text, dialect, true), call.params());
  if (!values) FAIL(values.error().message);
  std::vector<int64_t> numbers;
  for (const Value& value : *values) numbers.push_back(value.i64);
  return numbers;
}

std::string refusal(std::string_view text, const Call& call) {
  const auto values = bind_names(*analyse(text, Dialect::postgresql, true), call.params());
  if (values) return "";
  return values.error().status == Status::misuse ? values.error().message : "not misuse";
}

}  // namespace

TEST_CASE("values go where their names stand") {
  const Call call = Call().name("b").number(2).name("a").number(1);
  CHECK(bound("SELECT :a, :b, :a", Dialect::postgresql, call) == std::vector<int64_t>{1, 2});
  CHECK(bound("SELECT :b, :a, :b", Dialect::sqlite, call) == std::vector<int64_t>{2, 1});
  CHECK(bound("SELECT :b, :a, :b", Dialect::mysql, call) == std::vector<int64_t>{2, 1, 2});
  CHECK(bound("SELECT 1", Dialect::sqlite, Call()).empty());
}

TEST_CASE("names that do not fit are refused by name") {
  CHECK(refusal("SELECT :a", Call().name("a").number(1)).empty());
  CHECK(refusal("SELECT :a, :b", Call().name("a").number(1)) == "no value for :b");
  CHECK(refusal("SELECT :a", Call().name("a").number(1).name("zed").number(2)) == "the statement has no :zed");
  CHECK(refusal("SELECT 1", Call().name("a").number(1)) == "the statement has no :a");
  CHECK(refusal("SELECT :a", Call().name("A").number(1)) == "no value for :a");
  CHECK(refusal("SELECT :a", Call().name("a").number(1).name("a").number(2)) == ":a is given twice");
  CHECK(refusal("SELECT :a", Call().name("a")) == "the name :a has no value behind it");
  CHECK(refusal("SELECT :a", Call().name("a").name("b").number(1)) == "the name :a has no value behind it");
  CHECK(refusal("SELECT :a", Call().number(1)).find("has no name") != std::string::npos);
  CHECK(refusal("SELECT :a", Call().name("a").number(1).number(2)).find("value 2 has no name") != std::string::npos);
}

TEST_CASE("a name outside the arena is refused") {
  Call call = Call().name("a").number(1);
  Params params = call.params();
  params.arena = {};
  CHECK(!bind_names(*analyse("SELECT :a", Dialect::sqlite, true), params));
}
