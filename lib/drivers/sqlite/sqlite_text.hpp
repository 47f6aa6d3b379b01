// What little the driver reads of SQL texts itself: where statements begin, and which count rows.
#pragma once
#include <string_view>

namespace tl::sqlite {

// `sql` without the blanks, comments and empty statements it begins with.
[[nodiscard]] std::string_view after_blanks(std::string_view sql) noexcept;

enum class Verb { other, insert, change, pragma };  // change: UPDATE, DELETE

// Of the first statement in `sql`; after WITH, of the statement that the common tables are for.
[[nodiscard]] Verb verb_of(std::string_view sql) noexcept;

}  // namespace tl::sqlite
