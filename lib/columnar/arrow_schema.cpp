// Schemas: each ArrowSchema owns its texts and children.
#include <string>
#include <vector>

#include "arrow_export.hpp"

namespace tl::columnar {
namespace {

struct OwnedSchema {
  std::string format, name, metadata;
  std::vector<std::unique_ptr<ArrowSchema>> children;
  std::vector<ArrowSchema*> pointers;
};

void release_schema(ArrowSchema* schema) {
  auto* owned = static_cast<OwnedSchema*>(schema->private_data);
  for (const auto& child : owned->children) {
    if (child->release != nullptr) child->release(child.get());  // a consumer may have moved it out
  }
  schema->release = nullptr;
  delete owned;
}

std::string_view format_of(Type type) noexcept {
  switch (type) {
    case Type::boolean: return "b";
    case Type::int64: return "l";
    case Type::uint64: return "L";
    case Type::float64: return "g";
    case Type::bytes: return "z";
    case Type::date: return "tdD";
    case Type::time: return "ttu";
    case Type::timestamp: return "tsu:";
    case Type::timestamptz: return "tsu:UTC";
    case Type::duration: return "tDu";
    case Type::interval: return "tin";
    case Type::uuid: return "w:16";
    case Type::list: return "+l";
    case Type::any: return "+ud:0,1,2,3,4";
    case Type::null: return "n";
    default: return "u";  // text, decimal, json: exact text
  }
}

void append_int(std::string& out, int32_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }

// Arrow's encoding of key/value pairs: a count, then length and bytes of each.
std::string metadata_of(Type type) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  if (type == Type::decimal) pairs.emplace_back("trunkline.type", "decimal");
  if (type == Type::json) pairs = {{"ARROW:extension:name", "arrow.json"}, {"ARROW:extension:metadata", ""}};
  if (type == Type::uuid) pairs = {{"ARROW:extension:name", "arrow.uuid"}, {"ARROW:extension:metadata", ""}};
  if (pairs.empty()) return "";
  std::string out;
  append_int(out, static_cast<int32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) {
    append_int(out, static_cast<int32_t>(key.size()));
    out += key;
    append_int(out, static_cast<int32_t>(value.size()));
    out += value;
  }
  return out;
}

void fill(ArrowSchema* out, std::string_view format, std::string_view name, std::string metadata,
          std::vector<std::unique_ptr<ArrowSchema>> children) {
  auto owned = std::make_unique<OwnedSchema>();
  owned->format = format;
  owned->name = name;
  owned->metadata = std::move(metadata);
  owned->children = std::move(children);
  for (const auto& child : owned->children) owned->pointers.push_back(child.get());
  *out = {};
  out->format = owned->format.c_str();
  out->name = owned->name.c_str();
  out->metadata = owned->metadata.empty() ? nullptr : owned->metadata.data();
  out->flags = ARROW_FLAG_NULLABLE;
  out->n_children = static_cast<int64_t>(owned->children.size());
  out->children = owned->pointers.data();
  out->release = release_schema;
  out->private_data = owned.release();
}

std::unique_ptr<ArrowSchema> field_schema(const Field& field) {
  auto schema = std::make_unique<ArrowSchema>();
  std::vector<std::unique_ptr<ArrowSchema>> children;
  if (field.type == Type::list) {
    children.push_back(field_schema(*field.element));
  } else if (field.type == Type::any) {
    for (const Type member : union_members) {
      Field part;
      part.name = type_name(member);
      part.type = member;
      children.push_back(field_schema(part));
    }
  }
  fill(schema.get(), format_of(field.type), field.name, metadata_of(field.type), std::move(children));
  return schema;
}

}  // namespace

void export_schema(const Schema& schema, ArrowSchema* out) {
  std::vector<std::unique_ptr<ArrowSchema>> children;
  for (const Field& field : schema) children.push_back(field_schema(field));
  fill(out, "+s", "", "", std::move(children));
  out->flags = 0;
}

}  // namespace tl::columnar
