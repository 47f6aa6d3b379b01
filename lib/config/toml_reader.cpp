// The only file that sees the TOML parser. Versions of it up to 3.4.0 can overflow the stack on hostile nesting, and
// its error texts quote the source: the text is checked before it gets it, and its wording never leaves.
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

#include "node.hpp"
#include "utf8.hpp"

namespace tl::config {
namespace {

constexpr int most_nesting = 64;

uint32_t line_of(std::string_view text, size_t at) {
  return static_cast<uint32_t>(1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
}

// Walks over the text just well enough to know what is inside a string or a comment. It must agree with the parser as
// far as the text is valid; behind the first fault the parser goes no further.
class NestingScan {
 public:
  explicit NestingScan(std::string_view text) : text_(text) {}

  // Where the nesting is too deep, brackets and the dots of keys counted together; npos: nowhere.
  size_t too_deep() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        if (c == '[' || c == '{') open();
        if (c == ']' || c == '}') close();
        if (c == '.') ++dots_;
        if (c == '\n' || c == ',') dots_ = 0;
        if (depth_ + dots_ > most_nesting) return at_;
        ++at_;
      }
    }
    return std::string_view::npos;
  }

 private:
  // The dots before a bracket are those of the key whose value it begins.
  void open() {
    outer_.push_back(depth_);
    depth_ += dots_ + 1;
    dots_ = 0;
  }
  void close() {
    if (outer_.empty()) return;
    depth_ = outer_.back();
    outer_.pop_back();
  }

  void skip_string(char quote) {
    const bool escapes = quote == '"';
    const std::string triple(3, quote);
    const bool multi_line = text_.compare(at_, 3, triple) == 0;
    const std::string_view end = multi_line ? std::string_view(triple) : std::string_view(triple).substr(2);
    for (at_ += end.size(); at_ < text_.size(); ++at_) {
      if (text_.compare(at_, end.size(), end) == 0) break;
      if (!multi_line && text_[at_] == '\n') return;
      if (escapes && text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + end.size(), text_.size());
    // Up to two quotes before the closing ones belong to the string.
    for (int more = 0; multi_line && more < 2 && at_ < text_.size() && text_[at_] == quote; ++more) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int dots_ = 0;
  std::vector<int> outer_;  // the depth around each bracket that is open
};

Result<void> check_text(std::string_view text, const Blame& blame) {
  if (text.size() > most_text) {
    return blame.at({}, "", "the configuration is larger than 1 MiB");
  }
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return blame.at({line_of(text, nul), ""}, "", "there is a NUL byte in the text");
  }
  if (!is_utf8(text.data(), text.size())) {
    size_t line_begin = 0;
    uint32_t line = 1;
    while (line_begin < text.size()) {
      const size_t end = std::min(text.find('\n', line_begin), text.size());
      if (!is_utf8(text.data() + line_begin, end - line_begin)) break;
      line_begin = end + 1;
      ++line;
    }
    return blame.at({line, ""}, "", "the text is not valid UTF-8");
  }
  if (const size_t deep = NestingScan(text).too_deep(); deep != std::string_view::npos) {
    return blame.at({line_of(text, deep), ""}, "", "tables, arrays or dotted keys are nested more than 64 deep");
  }
  return {};
}

uint32_t line_of(const toml::node& node) { return static_cast<uint32_t>(node.source().begin.line); }

Node convert(const toml::node& source);

Node convert_table(const toml::table& source) {
  Node node;
  // The parser keeps keys sorted; the order of the file is what "the first connection" means.
  std::vector<std::pair<const toml::key*, const toml::node*>> members;
  for (const auto& [key, value] : source) members.emplace_back(&key, &value);
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first->source().begin.line, a.first->source().begin.column) <
           std::tie(b.first->source().begin.line, b.first->source().begin.column);
  });
  for (const auto& [key, value] : members) {
    Node member = convert(*value);
    if (const auto line = static_cast<uint32_t>(key->source().begin.line); line != 0) member.origin.line = line;
    node.members.emplace_back(std::string(key->str()), std::move(member));
  }
  return node;
}

Node convert(const toml::node& source) {
  Node node;
  if (const auto* table = source.as_table()) {
    node = convert_table(*table);
  } else if (const auto* array = source.as_array()) {
    node.kind = Node::Kind::array;
    for (const toml::node& item : *array) node.items.push_back(convert(item));
  } else if (const auto* text = source.as_string()) {
    node.kind = Node::Kind::string;
    node.text = text->get();
  } else if (const auto* integer = source.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* real = source.as_floating_point()) {
    node.kind = Node::Kind::real;
    node.real = real->get();
  } else if (const auto* boolean = source.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::other;
  }
  node.origin.line = line_of(source);
  return node;
}

// Null: all names are fit to be shown.
const Node* with_unfit_name(const Node& node) {
  for (const auto& [name, value] : node.members) {
    if (!is_showable(name)) return &value;
    if (const Node* unfit = with_unfit_name(value)) return unfit;
  }
  for (const Node& item : node.items) {
    if (const Node* unfit = with_unfit_name(item)) return unfit;
  }
  return nullptr;
}

// Only its class is taken from the parser's text, which may quote the source.
std::string_view what_is_wrong(std::string_view parser_says) {
  if (parser_says.find("redefine") != std::string_view::npos || parser_says.find("already") != std::string_view::npos ||
      parser_says.find("duplicate") != std::string_view::npos) {
    return "this key or table is defined twice";
  }
  if (parser_says.find("string") != std::string_view::npos)
    return "this string is not valid TOML; is its quote closed?";
  if (parser_says.find("escape") != std::string_view::npos) return "this escape sequence is not valid TOML";
  return "this is not valid TOML";
}

}  // namespace

Result<Node> read_toml(std::string_view text, std::string_view file) {
  const Blame blame{file};
  if (Result<void> fine = check_text(text, blame); !fine) return fine.take_error();
  try {
    Node root = convert(toml::parse(text, file));
    if (const Node* unfit = with_unfit_name(root)) {
      return blame.at(unfit->origin, "", "a key or name holds a control character");
    }
    return root;
  } catch (const toml::parse_error& error) {
    return blame.at({static_cast<uint32_t>(error.source().begin.line), ""}, "", what_is_wrong(error.description()));
  }
}

}  // namespace tl::config
