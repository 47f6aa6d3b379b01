#include "routine_body.hpp"

namespace tl::sql {

void RoutineBody::take(const Token& token, const Recent& recent) noexcept {
  const Word word = token.info.word();
  if (word == Word::none || recent.follows_dot()) return;
  if (word == Word::case_ && recent.word(0) != Word::end && depth_ > 0) depth_++;
  switch (dialect_) {
    case Dialect::sqlite: take_sqlite(word, recent); break;
    case Dialect::postgresql: take_postgresql(word, recent); break;
    case Dialect::mysql: take_mysql(word, recent); break;
  }
}

// The END of the body follows a semicolon; elsewhere it may be a column's name.
void RoutineBody::take_sqlite(Word word, const Recent& recent) noexcept {
  if (word == Word::begin && depth_ == 0) depth_ = 1;
  if (word == Word::end && (depth_ > 1 || (depth_ == 1 && recent.back(0).type == TokenType::semicolon))) depth_--;
}

void RoutineBody::take_postgresql(Word word, const Recent& recent) noexcept {
  if (word == Word::atomic && recent.word(0) == Word::begin && depth_ == 0) depth_ = 1;
  if (word == Word::end && depth_ > 0 && recent.word(0) != Word::as) depth_--;
}

// END closes a BEGIN or a CASE; END IF, END LOOP, END WHILE and END REPEAT close what was not counted.
void RoutineBody::take_mysql(Word word, const Recent& recent) noexcept {
  if (word == Word::begin) depth_++;
  if (word == Word::end && depth_ > 0) depth_--;
  const bool uncounted = word == Word::if_ || word == Word::loop || word == Word::while_ || word == Word::repeat;
  if (uncounted && recent.word(0) == Word::end) depth_++;
}

}  // namespace tl::sql
