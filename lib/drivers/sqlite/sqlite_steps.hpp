// What the operations that run statements share.
#pragma once
#include "sqlite_session.hpp"

namespace tl::sqlite {

// Where another session has the lock that the statement needs, it is tried again after a while, in which no thread
// waits with it.
template <class Verb>
class SqliteSession::StatementOperation : public Verb {
 public:
  driver::Step resume(driver::Ready got) noexcept final {
    if (!begun_) {
      begun_ = true;
      return session_.begin();
    }
    if (!driver::has(got, driver::Ready::worker)) return on_worker;
    try {
      const Running running(session_, *this, session_.address_.statement_timeout);
      Result<void> done = try_now();
      if (done) return driver::Step::done();
      Failure failure = done.take_error();
      if (session_.met_lock(*failure)) {
        if (const std::optional<Deadline> next = session_.next_try()) {
          again_ = true;
          return driver::Step::waits({driver::On::timer, -1, driver::Ready::start, *next});
        }
        failure = give_up(failure->native);
      }
      return this->failed(std::move(failure));
    } catch (const std::bad_alloc&) {
      return this->failed(session_.out_of_memory(Phase::send));
    }
  }

 protected:
  explicit StatementOperation(SqliteSession& session) : session_(session) {}
  // The statement, or where it is tried again what is left of it.
  [[nodiscard]] virtual Result<void> attempt() = 0;
  // Says where in it the lock was met.
  [[nodiscard]] virtual Failure placed(Failure failure) { return failure; }
  [[nodiscard]] bool again() const noexcept { return again_; }

  SqliteSession& session_;

 private:
  static constexpr driver::Step on_worker{driver::Step::Is::waiting,
                                          {driver::On::worker, -1, driver::Ready::start, {}}};

  Result<void> try_now() {
    if (again_ && session_.should_stop()) return give_up(SQLITE_BUSY);
    return attempt();
  }
  Failure give_up(int code) { return placed(session_.give_up(session_.failed(code, Phase::receive))); }

  bool begun_ = false;
  bool again_ = false;
};

}  // namespace tl::sqlite
