#include "event_batch.hpp"

#include <array>

#include "fork.hpp"

namespace tl::observe {
namespace {

using columnar::Type;

struct Heading {
  const char* name;
  Type type;
};

constexpr std::array headings = {
    Heading{"kind", Type::text},      Heading{"at", Type::timestamptz},    Heading{"connection", Type::text},
    Heading{"endpoint", Type::text},  Heading{"session", Type::int64},     Heading{"backend", Type::text},
    Heading{"tag", Type::text},       Heading{"duration", Type::duration}, Heading{"status", Type::text},
    Heading{"statement", Type::text}, Heading{"message", Type::text}};

std::shared_ptr<const columnar::Schema> make_schema() {
  auto schema = std::make_shared<columnar::Schema>();
  for (const Heading& heading : headings) {
    columnar::Field field;
    field.name = heading.name;
    field.type = heading.type;
    field.database_type = columnar::type_name(heading.type);
    schema->push_back(std::move(field));
  }
  return schema;
}

// The columns of the one row, from left to right.
class Row {
 public:
  explicit Row(std::span<columnar::Column> columns) noexcept : columns_(columns) {}
  void text(std::string_view text) {
    columnar::Column& column = columns_[next_++];
    text.empty() ? column.append_null() : column.append_bytes(text.data(), text.size());
  }
  void integer(std::optional<int64_t> value) {
    columnar::Column& column = columns_[next_++];
    value ? column.append_int64(*value) : column.append_null();
  }

 private:
  std::span<columnar::Column> columns_;
  size_t next_ = 0;
};

std::optional<int64_t> micros(std::optional<Nanos> duration) noexcept {
  if (!duration) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::microseconds>(*duration).count();
}

}  // namespace

std::shared_ptr<const columnar::Batch> as_batch(const Event& event) {
  using Schema = std::shared_ptr<const columnar::Schema>;
  static constinit PerProcess<const Schema> schema;
  auto batch = columnar::Batch::make(schema.get([] { return new Schema(make_schema()); }));
  Row row(batch->columns());
  row.text(kind_name(event.kind));
  row.integer(event.at);
  row.text(event.connection);
  row.text(event.endpoint);
  row.integer(event.session == 0 ? std::nullopt : std::optional(static_cast<int64_t>(event.session)));
  row.text(event.backend_id);
  row.text(event.tag);
  row.integer(micros(event.duration));
  row.text(event.status == Status::ok ? std::string_view() : status_name(event.status));
  row.text(event.statement);
  row.text(event.message);
  batch->set_rows(1);
  return batch;
}

}  // namespace tl::observe
