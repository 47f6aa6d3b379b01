#include "fake.hpp"

#include <sys/socket.h>

namespace tl::driver {
namespace {

std::string told(Ready got) {
  if (got == Ready::start) return "start";
  static constexpr std::pair<Ready, const char*> names[] = {
      {Ready::readable, "readable"}, {Ready::writable, "writable"}, {Ready::worker, "worker"},
      {Ready::timer, "timer"},       {Ready::lease, "lease"},       {Ready::turn, "turn"}};
  std::string out;
  for (const auto& [bit, name] : names) {
    if (has(got, bit)) out += (out.empty() ? "" : "+") + std::string(name);
  }
  return out;
}

Failure copy_of(const Error& error) { return std::make_unique<Error>(error); }

Failure lost() {
  Failure failure = fail(Status::unavailable, "the server closed the connection", Phase::receive);
  failure->outcome = Outcome::unknown;
  return failure;
}

Failure cancelled() {
  Failure failure = fail(Status::cancelled, "the server cancelled the statement", Phase::receive);
  failure->outcome = Outcome::rolled_back;
  return failure;
}

}  // namespace

// A verb that goes through its pauses and then completes.
template <class Verb>
class FakeSession::Scripted : public Verb {
 public:
  Scripted(FakeSession& session, std::string name, std::vector<Pause> pauses)
      : session_(session), name_(std::move(name)), pauses_(std::move(pauses)) {}

  Step resume(Ready got) noexcept final {
    session_.server_->resumed.push_back(name_ + ": " + told(got));
    if (!session_.is_head(*this)) return Step::waits({On::turn, -1, Ready::start, {}});
    for (; at_ < pauses_.size(); ++at_) {
      const Pause& pause = pauses_[at_];
      if (pause.on == On::socket && has(pause.want, Ready::readable)) {
        const Came came = session_.take_answer();
        if (came == Came::hang_up) return broke();
        if (came == Came::cancelled) return stopped();
        if (came == Came::nothing) return waits_for_socket(pause);
      } else if (pause.on == On::socket) {
        if (!session_.send_byte()) return waits_for_socket(pause);
      } else if (pause.on == On::timer) {
        if (timer_.is_never()) timer_ = Deadline::after(steady_clock().now(), pause.after);
        if (!timer_.passed(steady_clock().now())) return Step::waits({On::timer, -1, Ready::start, timer_});
        timer_ = Deadline::never();
      } else {
        if (!has(got, Ready::worker)) return Step::waits({On::worker, -1, Ready::start, {}});
        got = Ready::start;  // each pause is a trip to the worker of its own
      }
    }
    return complete();
  }

 protected:
  virtual Step complete() noexcept = 0;

  Step broke() noexcept {
    session_.end_answer(State::broken);
    return this->failed(lost());
  }
  Step stopped() noexcept {
    session_.end_answer(session_.state_ == State::in_transaction ? State::in_failed : session_.answer_.leaves);
    return this->failed(cancelled());
  }

  FakeSession& session_;

 private:
  Step waits_for_socket(const Pause& pause) const noexcept {
    return Step::waits({On::socket, session_.wire_->client_fd(), pause.want, {}});
  }

  const std::string name_;
  const std::vector<Pause> pauses_;
  size_t at_ = 0;
  Deadline timer_;
};

class FakeSession::RunVerb final : public Scripted<Run> {
 public:
  RunVerb(FakeSession& session, const Request& request, const Script& script)
      : Scripted(session, request.statement->text, script.pauses),
        script_(script),
        plain_(request.statement->plain),
        first_(request.first) {}

 private:
  Step complete() noexcept override {
    session_.answer_ = script_;
    if (!plain_) session_.changed_ = true;
    if (script_.error) {
      session_.end_answer(script_.leaves);
      return failed(copy_of(*script_.error));
    }
    session_.describe_set(reply);
    if (reply.then != Then::rows || first_.rows == 0) return Step::done();
    reply.batch = columnar::Batch::make(reply.schema);
    auto read = session_.read(*reply.batch, first_, reply.affected);
    if (!read) return failed(read.take_error());
    reply.then = *read;
    return Step::done();
  }

  const Script script_;
  const bool plain_;
  const FetchLimits first_;
};

class FakeSession::RideVerb final : public Run {
 public:
  RideVerb(FakeSession& session, const Request& request, const Script& script)
      : session_(session),
        name_(request.statement->text),
        script_(script),
        limits_(request.first),
        whole_bytes_(request.whole_bytes) {}

  [[nodiscard]] bool rides() const noexcept override { return true; }

  Step resume(Ready got) noexcept override {
    session_.server_->resumed.push_back(name_ + ": " + told(got));
    if (got == Ready::start && !std::exchange(was_sent, true)) ++session_.unsent_;
    session_.flush();
    if (!session_.is_head(*this)) return waits_for_socket();
    switch (session_.take_answer()) {
      case Came::nothing: return waits_for_socket();
      case Came::hang_up: session_.end_answer(State::broken); return failed(lost());
      case Came::cancelled: return failed(cancelled());
      case Came::answer: return complete();
    }
    return Step::done();
  }

 private:
  [[nodiscard]] Step waits_for_socket() const noexcept {
    const Ready want = session_.unsent_ == 0 ? Ready::readable : Ready::readable | Ready::writable;
    return Step::waits({On::socket, session_.wire_->client_fd(), want, {}});
  }

  Step complete() noexcept {
    if (script_.error) {
      again = script_.stale;
      return failed(copy_of(*script_.error));
    }
    session_.answer_ = script_;
    session_.describe_set(reply);
    size_t bytes = 0;
    while (reply.then == Then::rows) {
      auto batch = columnar::Batch::make(reply.schema);
      auto read = session_.read(*batch, limits_, reply.affected);
      if (!read) return failed(read.take_error());
      reply.then = *read;
      bytes += batch->bytes();
      if (reply.batch == nullptr) {
        reply.batch = std::move(batch);
      } else {
        reply.more.push_back(std::move(batch));
      }
    }
    return bytes > whole_bytes_ ? failed(answer_too_large(whole_bytes_)) : Step::done();
  }

  FakeSession& session_;
  const std::string name_;
  const Script script_;
  const FetchLimits limits_;
  const uint64_t whole_bytes_;
};

class FakeSession::NextSetVerb final : public Scripted<Run> {
 public:
  explicit NextSetVerb(FakeSession& session) : Scripted(session, "NEXT SET", session.answer_.fetch_pauses) {}

 private:
  Step complete() noexcept override {
    ++session_.set_;
    session_.row_ = 0;
    session_.describe_set(reply);
    return Step::done();
  }
};

class FakeSession::FetchVerb final : public Scripted<Fetch> {
 public:
  FetchVerb(FakeSession& session, FetchLimits limits)
      : Scripted(session, "FETCH", session.answer_.fetch_pauses), limits_(limits) {}

 private:
  Step complete() noexcept override {
    auto rows = columnar::Batch::make(session_.schema_);
    auto read = session_.read(*rows, limits_, affected);
    if (!read) return failed(read.take_error());
    then = *read;
    batch = std::move(rows);
    return Step::done();
  }

  const FetchLimits limits_;
};

class FakeSession::ManyVerb final : public Scripted<Many> {
 public:
  ManyVerb(FakeSession& session, ManyRequest request, const Script& script)
      : Scripted(session, request.statement->text, script.pauses), script_(script), request_(std::move(request)) {}

 private:
  Step complete() noexcept override {
    if (!request_.statement->plain) session_.changed_ = true;
    session_.end_answer(script_.leaves);
    if (script_.error) return failed(copy_of(*script_.error));
    for (size_t i = 0; i < request_.rows; ++i) tell(1);
    return Step::done();
  }

  const Script script_;
  const ManyRequest request_;
};

// A ping or a reset.
class FakeSession::PlainVerb final : public Scripted<Operation> {
 public:
  PlainVerb(FakeSession& session, const char* name, bool resets)
      : Scripted(session, name, session.script_of(name).pauses),
        error_(session.script_of(name).error),
        resets_(resets) {}

 private:
  Step complete() noexcept override {
    if (error_) {
      session_.end_answer(State::broken);
      return failed(copy_of(*error_));
    }
    if (resets_) {
      session_.end_answer(State::idle);
      session_.changed_ = false;
    }
    return Step::done();
  }

  const std::optional<Error> error_;
  const bool resets_;
};

FakeSession::FakeSession(std::shared_ptr<FakeServer> server)
    : server_(std::move(server)), wire_(std::make_shared<FakeWire>()) {}

FakeSession::~FakeSession() { wire_->hang_up(); }

std::unique_ptr<Run> FakeSession::run(Request request) {
  return std::make_unique<RunVerb>(*this, request, script_of(request.statement->text));
}

bool FakeSession::rides(const Request& request) const noexcept {
  const sql::Statement& statement = *request.statement;
  if (!only_rides() || state_ != State::idle || hung_up_ || changed_) return false;
  if (!statement.plain || statement.kind != sql::Kind::read || request.first.rows == 0) return false;
  const auto script = server_->scripts.find(statement.text);
  if (script == server_->scripts.end() || script->second.sets.size() > 1) return false;
  const std::vector<Pause>& pauses = script->second.pauses;
  return pauses.size() == 1 && pauses[0].on == On::socket && pauses[0].want == Ready::readable;
}

std::unique_ptr<Run> FakeSession::ride(Request request) {
  return std::make_unique<RideVerb>(*this, request, script_of(request.statement->text));
}

std::unique_ptr<Run> FakeSession::next_set() { return std::make_unique<NextSetVerb>(*this); }

std::unique_ptr<Fetch> FakeSession::fetch(FetchLimits limits) { return std::make_unique<FetchVerb>(*this, limits); }

std::unique_ptr<Many> FakeSession::run_many(ManyRequest request) {
  const Script script = script_of(request.statement->text);
  return std::make_unique<ManyVerb>(*this, std::move(request), script);
}

std::unique_ptr<Operation> FakeSession::ping() { return std::make_unique<PlainVerb>(*this, "PING", false); }

std::unique_ptr<Operation> FakeSession::reset() { return std::make_unique<PlainVerb>(*this, "RESET", true); }

std::shared_ptr<Canceller> FakeSession::canceller() {
  struct OnWire final : Canceller {
    explicit OnWire(std::shared_ptr<FakeWire> to) : wire(std::move(to)) {}
    [[nodiscard]] bool blocks() const noexcept override { return false; }
    void cancel(Dial&) noexcept override { wire->cancel(); }
    const std::shared_ptr<FakeWire> wire;
  };
  return std::make_shared<OnWire>(wire_);
}

bool FakeSession::looks_alive() noexcept {
  receive();
  return state_ != State::broken && !hung_up_ && inbox_.empty();
}

std::string FakeSession::backend_id() const { return std::to_string(number()); }

void FakeSession::move_bytes(Ready got) noexcept {
  if (has(got, Ready::readable)) receive();
  if (has(got, Ready::writable)) flush();
}

void FakeSession::flush() noexcept {
  while (unsent_ > 0 && send_byte()) --unsent_;
}

void FakeSession::receive() noexcept {
  char bytes[64];
  for (;;) {
    const ssize_t n = recv(wire_->client_fd(), bytes, sizeof bytes, 0);
    if (n == 0) hung_up_ = true;
    if (n <= 0) return;
    inbox_.append(bytes, static_cast<size_t>(n));
  }
}

FakeSession::Came FakeSession::take_answer() noexcept {
  if (inbox_.empty()) receive();
  if (inbox_.empty()) return hung_up_ ? Came::hang_up : Came::nothing;
  const char byte = inbox_.front();
  inbox_.erase(0, 1);
  return byte == 'c' ? Came::cancelled : Came::answer;
}

bool FakeSession::send_byte() noexcept { return send(wire_->client_fd(), "q", 1, MSG_NOSIGNAL) == 1; }

Script FakeSession::script_of(std::string_view name) const {
  const auto found = server_->scripts.find(name);
  return found == server_->scripts.end() ? Script{} : found->second;
}

const FakeSet* FakeSession::set() const noexcept { return set_ < answer_.sets.size() ? &answer_.sets[set_] : nullptr; }

Then FakeSession::end_set() noexcept {
  if (set_ + 1 < answer_.sets.size()) return Then::set;
  end_answer(answer_.leaves);
  return Then::end;
}

void FakeSession::describe_set(Reply& reply) {
  state_ = State::answering;
  const FakeSet* now = set();
  if (now != nullptr && now->has_column) {
    columnar::Field field;
    field.name = "n";
    field.type = columnar::Type::int64;
    schema_ = std::make_shared<const columnar::Schema>(columnar::Schema{field});
    reply.schema = schema_;
    reply.then = Then::rows;
    return;
  }
  reply.schema = nullptr;
  reply.affected = now == nullptr ? 0 : now->affected;
  reply.then = end_set();
}

Result<Then> FakeSession::read(columnar::Batch& batch, FetchLimits limits, int64_t& affected) {
  const FakeSet& now = *set();
  columnar::Column& column = batch.columns()[0];
  while (row_ < now.rows.size() && column.length < limits.rows && batch.bytes() < limits.bytes) {
    column.append_int64(now.rows[row_++]);
  }
  batch.set_rows(column.length);
  if (row_ < now.rows.size()) return Then::rows;
  if (now.error) {
    Failure failure = copy_of(*now.error);  // before its script goes
    end_answer(answer_.leaves);
    return failure;
  }
  affected = now.affected;
  return end_set();
}

void FakeSession::end_answer(State state) noexcept {
  state_ = state;
  answer_ = {};
  set_ = row_ = 0;
}

Result<std::unique_ptr<Session>> FakeDriver::open(const config::Address& address, Dial& dial) {
  const auto found = server_->scripts.find("OPEN");
  const Script script = found == server_->scripts.end() ? Script{} : found->second;
  dial.watch(door_.client_fd());
  for (const Pause& pause : script.pauses) {
    if (pause.on != On::socket) continue;
    char byte = 0;
    if (!dial.wait(door_.client_fd(), Ready::readable) || recv(door_.client_fd(), &byte, 1, 0) != 1) {
      dial.watch(-1);
      const Status status = dial.interrupted() ? Status::closed : Status::connect_timeout;
      return fail(status, "cannot connect to " + address.label(), Phase::connect);
    }
  }
  dial.watch(-1);
  if (script.error) return copy_of(*script.error);
  return std::unique_ptr<Session>(std::make_unique<FakeSession>(server_));
}

std::string FakeDriver::begin_text(const TransactionOptions& options) const {
  return options.read_only ? "BEGIN READ ONLY" : "BEGIN";
}

}  // namespace tl::driver
