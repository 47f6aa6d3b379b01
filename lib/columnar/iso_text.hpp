// Moments and uuids as the texts that databases read.
#pragma once
#include <string>
#include <string_view>

#include "calendar.hpp"

namespace tl::columnar {

// "2024-02-29"; years before 0 have a sign, those after 9999 more digits.
void append_date(std::string& to, Date date);
// "12:34:56", and a fraction of six digits only where there is one. `micros` >= 0; hours may be more than 24.
void append_time(std::string& to, int64_t micros);
// 16 bytes.
[[nodiscard]] std::string uuid_text(std::string_view bytes);
void append_hex(std::string& to, std::string_view bytes);

}  // namespace tl::columnar
