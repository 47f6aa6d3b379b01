#include "cause.hpp"

#include "function_list.hpp"

namespace tl::sql {
namespace {

// On one line and not too long.
std::string shown(std::string_view text) {
  constexpr size_t most = 60;
  std::string line;
  for (const char c : text) {
    const bool blank = c >= 0 && c <= ' ';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.size() <= most) return line;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) end--;  // no half of a character
  return line.substr(0, end) + "…";
}

std::string keyword(std::string_view text) {
  std::string word = shown(text);
  for (char& c : word) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return word;
}

std::string by_verb(const Cause& cause, Kind kind) {
  switch (kind) {
    case Kind::control: return keyword(cause.what) + " begins or ends a transaction";
    case Kind::write: return keyword(cause.what) + " writes";
    default: return keyword(cause.what) + " is not known to only read";
  }
}

std::string by_explaining(const Cause& cause, Dialect dialect) {
  const std::string verb = keyword(cause.verb), what = keyword(cause.what);
  if (dialect != Dialect::mysql) return verb + " ANALYZE runs " + what;
  if (verb == "ANALYZE") return verb + " runs " + what;
  return verb + " of " + what + " is allowed only where " + what + " is";
}

// Told apart by the last of the words that were seen.
std::string by_lock(const Cause& cause) {
  const std::string words = keyword(cause.what);
  const char* clause = "FOR UPDATE";
  if (words.ends_with("IN")) clause = "LOCK IN SHARE MODE";
  if (words.ends_with("NO")) clause = "FOR NO KEY UPDATE";
  if (words.ends_with("FOR KEY")) clause = "FOR KEY SHARE";
  if (words.ends_with("SHARE")) clause = "FOR SHARE";
  return keyword(cause.verb) + " … " + clause + " locks rows";
}

std::string by_call(const Cause& cause, Dialect dialect) {
  const std::string_view effect = effect_of_function(cause.what, dialect);
  return "calls " + shown(cause.what) + ", which " +
         (effect.empty() ? std::string("is not known to only read") : std::string(effect));
}

std::string of_one(const Cause& cause, Kind kind, Dialect dialect) {
  switch (cause.reason) {
    case Reason::reads: return "only reads";
    case Reason::verb: return by_verb(cause, kind);
    case Reason::runs: return by_explaining(cause, dialect);
    case Reason::contains: return keyword(cause.verb) + " contains " + keyword(cause.what);
    case Reason::locks: return by_lock(cause);
    case Reason::keeps: return keyword(cause.verb) + " … INTO keeps its answer";
    case Reason::calls: return by_call(cause, dialect);
    case Reason::operates: return "uses the operator " + shown(cause.what) + ", which is not known to only read";
    case Reason::assigns: return "sets a variable by :=";
    case Reason::sequence: return "NEXT VALUE FOR takes a number from a sequence";
    case Reason::remembers: return shown(cause.what) + " is known to its own session only";
    case Reason::pragma: return "PRAGMA " + shown(cause.what) + " is not known to only ask";
    case Reason::comment: return "has a comment that only some servers run";
  }
  return {};
}

}  // namespace

std::string describe_cause(const Cause& cause, const Statement& statement, Dialect dialect) {
  std::string reason = of_one(cause, statement.kind, dialect);
  if (statement.statements == 1 || cause.statement == 0) return reason;
  return "statement " + std::to_string(cause.statement) + " of " + std::to_string(statement.statements) + ": " + reason;
}

}  // namespace tl::sql
