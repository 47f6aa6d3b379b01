#include "arrow_reader.hpp"

#include <cstring>
#include <limits>
#include <string_view>

#include "utf8.hpp"

namespace tl::columnar {
namespace {

void require(bool fine, const std::string& what) {
  if (!fine) throw ArrowFault(what);
}

template <class T>
T at(const void* buffer, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t*>(buffer) + i * static_cast<int64_t>(sizeof value), sizeof value);
  return value;
}

bool bit(const void* bitmap, int64_t i) { return (at<uint8_t>(bitmap, i >> 3) >> (i & 7) & 1) != 0; }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out = "x'";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out + "'";
}

class Reader {
 public:
  Reader(const ArrowSchema& schema, const ArrowArray& array)
      : schema_(schema), array_(array), name_(schema.name == nullptr ? "" : schema.name) {
    check(schema.release != nullptr, "the schema is released");
    check(array.release != nullptr, "the array is released");
    check(schema.format != nullptr, "no format");
    format_ = schema.format;
    check(schema.dictionary == nullptr && array.dictionary == nullptr, "an unexpected dictionary");
    check(array.length >= 0, "a negative length");
    check(array.offset == 0, "an offset, which this library never gives");
    check(array.n_children == schema.n_children, "schema and array differ in children");
    check(array.n_children == 0 || (array.children != nullptr && schema.children != nullptr), "no children");
    check(array.n_buffers == 0 || array.buffers != nullptr, "no buffers");
  }

  Cells read() const {
    if (format_ == "n") return nulls();
    if (format_ == "+s") {
      check(false, "a struct inside a record batch");
    }
    if (format_.starts_with("+ud:")) return dense_union();
    check_validity();
    if (format_ == "+l") return lists();
    children(0);
    Cells cells;
    const bool variable = format_ == "u" || format_ == "z";
    buffers(variable ? 3 : 2);
    if (variable) check_offsets();
    if (array_.length > 0) check(array_.buffers[array_.n_buffers - 1] != nullptr, "no data");
    for (int64_t i = 0; i < array_.length; ++i) cells.push_back(is_null(i) ? "null" : value(i));
    return cells;
  }

  std::vector<Cells> record_batch() const {
    check(format_ == "+s", "a record batch has format " + format_);
    buffers(1);
    check(array_.null_count == 0 && array_.buffers[0] == nullptr, "a record batch with nulls");
    std::vector<Cells> columns;
    for (int64_t i = 0; i < array_.n_children; ++i) {
      check(array_.children[i]->length == array_.length, "columns of different lengths");
      columns.push_back(Reader(*schema_.children[i], *array_.children[i]).read());
    }
    return columns;
  }

 private:
  void check(bool fine, const std::string& what) const { require(fine, "\"" + name_ + "\": " + what); }
  void buffers(int64_t n) const { check(array_.n_buffers == n, std::to_string(array_.n_buffers) + " buffers"); }
  void children(int64_t n) const { check(array_.n_children == n, std::to_string(array_.n_children) + " children"); }

  void check_validity() const {
    check(array_.n_buffers >= 1, "no validity buffer");
    if (array_.buffers[0] == nullptr) {
      check(array_.null_count == 0, "nulls without a bitmap");
      return;
    }
    int64_t nulls = 0;
    for (int64_t i = 0; i < array_.length; ++i) nulls += bit(array_.buffers[0], i) ? 0 : 1;
    check(nulls == array_.null_count, "null_count differs from the bitmap");
    check(nulls == 0 || (schema_.flags & ARROW_FLAG_NULLABLE) != 0, "nulls in a field that is not nullable");
  }

  bool is_null(int64_t i) const { return array_.buffers[0] != nullptr && !bit(array_.buffers[0], i); }

  int32_t offset(int64_t i) const { return at<int32_t>(array_.buffers[1], i); }

  // Readable also when the array is empty: the library always has the first.
  void check_offsets() const {
    check(array_.buffers[1] != nullptr, "no offsets");
    check(offset(0) == 0, "the first offset is not 0");
    for (int64_t i = 0; i < array_.length; ++i) check(offset(i) <= offset(i + 1), "offsets that go back");
  }

  std::string_view bytes(int64_t i) const {
    return {static_cast<const char*>(array_.buffers[2]) + offset(i), static_cast<size_t>(offset(i + 1) - offset(i))};
  }

  std::string value(int64_t i) const {
    const void* data = array_.buffers[array_.n_buffers - 1];
    if (format_ == "b") return bit(data, i) ? "true" : "false";
    if (format_ == "L") return std::to_string(at<uint64_t>(data, i));
    if (format_ == "g") return std::to_string(at<double>(data, i));
    if (format_ == "tdD") return std::to_string(at<int32_t>(data, i));
    if (format_ == "ttu") return time(at<int64_t>(data, i));
    if (format_ == "l" || format_ == "tsu:" || format_ == "tsu:UTC" || format_ == "tDu") {
      return std::to_string(at<int64_t>(data, i));
    }
    if (format_ == "tin") return interval(data, i);
    if (format_ == "w:16") return hex({static_cast<const char*>(data) + i * 16, 16});
    if (format_ == "z") return hex(bytes(i));
    check(format_ == "u", "an unknown format " + format_);
    check(is_utf8(bytes(i).data(), bytes(i).size()), "text that is not UTF-8");
    return quoted(bytes(i));
  }

  std::string time(int64_t micros) const {
    check(micros >= 0 && micros < int64_t{86'400'000'000}, "a time outside the day");
    return std::to_string(micros);
  }

  static std::string interval(const void* data, int64_t i) {
    const auto* from = static_cast<const uint8_t*>(data) + i * 16;
    return std::to_string(at<int32_t>(from, 0)) + "mo " + std::to_string(at<int32_t>(from, 1)) + "d " +
           std::to_string(at<int64_t>(from, 1)) + "ns";
  }

  Cells nulls() const {
    buffers(0);
    children(0);
    check(array_.null_count == array_.length, "a null array has null_count " + std::to_string(array_.null_count));
    return Cells(static_cast<size_t>(array_.length), "null");
  }

  Cells lists() const {
    buffers(2);
    children(1);
    check_offsets();
    const Cells elements = Reader(*schema_.children[0], *array_.children[0]).read();
    check(offset(array_.length) <= static_cast<int64_t>(elements.size()), "offsets beyond the elements");
    Cells cells;
    for (int64_t i = 0; i < array_.length; ++i) {
      if (is_null(i)) {
        cells.emplace_back("null");
        continue;
      }
      std::string cell = "[";
      for (int32_t e = offset(i); e < offset(i + 1); ++e) cell += (e == offset(i) ? "" : ", ") + elements[e];
      cells.push_back(cell + "]");
    }
    return cells;
  }

  // Type ids are the members' positions: "+ud:0,1,2,…".
  Cells dense_union() const {
    std::string ids;
    for (int64_t i = 0; i < array_.n_children; ++i) ids += (i == 0 ? "" : ",") + std::to_string(i);
    check(format_ == "+ud:" + ids, "a union of format " + format_);
    buffers(2);
    check(array_.null_count == 0, "a union has no nulls of its own");
    std::vector<Cells> members;
    for (int64_t i = 0; i < array_.n_children; ++i) {
      members.push_back(Reader(*schema_.children[i], *array_.children[i]).read());
    }
    std::vector<int32_t> next(members.size(), 0);
    Cells cells;
    for (int64_t i = 0; i < array_.length; ++i) {
      const int8_t id = at<int8_t>(array_.buffers[0], i);
      check(id >= 0 && id < array_.n_children, "an unknown type id");
      const int32_t where = at<int32_t>(array_.buffers[1], i);
      check(where == next[id]++, "a member's offsets are not 0, 1, 2, …");
      check(where < static_cast<int64_t>(members[id].size()), "an offset beyond the member");
      cells.push_back(std::string(schema_.children[id]->name) + ":" + members[id][where]);
    }
    return cells;
  }

  const ArrowSchema& schema_;
  const ArrowArray& array_;
  const std::string name_;
  std::string format_;
};

}  // namespace

Cells read_array(const ArrowSchema& schema, const ArrowArray& array) { return Reader(schema, array).read(); }

std::vector<Cells> read_record_batch(const ArrowSchema& schema, const ArrowArray& array) {
  return Reader(schema, array).record_batch();
}

std::string read_metadata(const ArrowSchema& schema) {
  const char* from = schema.metadata;
  if (from == nullptr) return "";
  const auto number = [&from] {
    const int32_t value = at<int32_t>(from, 0);
    from += sizeof value;
    require(value >= 0, "metadata with a negative length");
    return value;
  };
  const auto text = [&from, &number] {
    const auto n = static_cast<size_t>(number());
    std::string value(from, n);
    from += n;
    return value;
  };
  std::string out;
  for (int32_t left = number(); left > 0; --left) {
    out += text();
    out += "=" + text() + ";";
  }
  return out;
}

}  // namespace tl::columnar
