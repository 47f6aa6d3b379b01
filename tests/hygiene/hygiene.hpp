// What one borrower of a session leaves behind, as tables: a line is a way to change a session and a query that shows
// it. The pool has one session, so that the next borrower gets that one, cleaned.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace tl::validation {

struct Change {
  std::string name;
  std::vector<std::string> statements;  // run on one pinned handle; the last may fail
  std::string probe;                    // asks for one value
  std::string baseline;                 // what it answers on a session that nobody has changed; "error": it fails
};

// For each change: on a pinned handle the probe sees it, and once the handle is released the next borrower's does not,
// whether or not anybody has looked in between. `setup` runs once before. `more` is added to the configuration.
void check_changes(std::initializer_list<const char*> setup, const std::vector<Change>& changes,
                   const std::string& more = "");

// A borrower of a session that ran `change` and its next one get the same answer to `who`.
void check_kept(const char* change, const char* who);

// After none of these is a session taken for changed.
void check_plain(std::initializer_list<const char*> setup, std::initializer_list<const char*> statements);

}  // namespace tl::validation
