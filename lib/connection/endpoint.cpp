#include "endpoint.hpp"

#include <algorithm>
#include <random>

#include "call.hpp"
#include "farewell.hpp"
#include "lookout.hpp"
#include "shared.hpp"

namespace tl::connection {
namespace {

uint64_t seed() { return std::random_device{}(); }

class RetireJob final : public runtime::Job {
 public:
  RetireJob(std::unique_ptr<driver::Session> session, pool::Permit permit,
            std::shared_ptr<std::atomic<uint32_t>> closing, config::DriverKind server, uint64_t group,
            Deadline deadline)
      : Job(group, deadline),
        permit_(std::move(permit)),
        server_(server),
        session_(std::move(session)),
        closing_(std::move(closing)) {
    closing_->fetch_add(1, std::memory_order_relaxed);
  }
  ~RetireJob() override {
    session_.reset();
    closing_->fetch_sub(1, std::memory_order_release);
  }
  void run() noexcept override {
    if (!permit_.is_scarce()) return session_.reset();
    const Farewell farewell(session_->descriptor(), server_);
    session_.reset();
    farewell.await(deadline());
  }

 private:
  const pool::Permit permit_;  // goes last
  const config::DriverKind server_;
  std::unique_ptr<driver::Session> session_;
  std::shared_ptr<std::atomic<uint32_t>> closing_;
};

Deadline from_now(Nanos budget) noexcept { return Deadline::after(steady_clock().now(), budget); }

bool is_file(const config::Address& address) {
  return address.driver == config::DriverKind::sqlite && !address.is_in_memory();
}

// One private database, lost with its session: never reaped, never recycled.
config::Pool only_session(config::Pool pool) {
  pool.min = pool.max = pool.max_idle = 1;
  pool.max_overflow = 0;
  pool.idle_timeout.reset();
  pool.max_lifetime.reset();
  return pool;
}

// One writer, so that writers queue here instead of meeting "database is locked".
config::Pool one_writer(config::Pool pool) {
  pool.min = std::min(pool.min, 1U);
  pool.max = pool.max_idle = 1;
  pool.max_overflow = 0;
  return pool;
}

// `asked`: those that the application knows, made when an endpoint wants them.
std::shared_ptr<Credentials> credentials_of(const config::Address& address, const std::string& connection,
                                            const std::shared_ptr<CredentialsSource>& source,
                                            std::shared_ptr<Credentials>& asked) {
  if (!address.password_file.empty()) return std::make_shared<FilePassword>(address);
  if (!address.ask_credentials) return nullptr;
  if (asked == nullptr) asked = std::make_shared<AskedCredentials>(connection, source);
  return asked;
}

// A file holds nobody else up, nor does the application where it is slow to tell the credentials of one name.
uint64_t server_group_of(const Endpoint& endpoint) {
  const config::Address& address = endpoint.settings().address;
  const bool alone = address.driver == config::DriverKind::sqlite || address.ask_credentials;
  if (alone) return endpoint.own_group();
  return std::hash<std::string>()(address.server());
}

constexpr uint64_t look_group = 1;  // a disk that does not answer holds up all who look there, and nothing else
constexpr Nanos look_patience = std::chrono::seconds(5);

}  // namespace

class Endpoint::DialJob final : public runtime::Job {
 public:
  DialJob(std::shared_ptr<Endpoints> owner, Endpoint& endpoint, Deadline deadline)
      : Job(endpoint.server_group(), deadline), owner_(std::move(owner)), endpoint_(endpoint), dial_(deadline) {
    options_.deadline = deadline;
    if (endpoint_.settings_.address.ask_credentials) options_.ticket = std::make_shared<runtime::Ticket>();
    dial_.remember_in(endpoint_.found_);
    const std::lock_guard lock(endpoint_.dials_mutex_);
    endpoint_.dials_.push_back(this);
    if (endpoint_.closed_) DialJob::interrupt();
  }
  ~DialJob() override {
    {
      const std::lock_guard lock(endpoint_.dials_mutex_);
      std::erase(endpoint_.dials_, this);
    }
    if (!ran_) answer([] { return fail(Status::shutdown, "there was no thread to dial on", Phase::connect); });
  }

  void run() noexcept override {
    ran_ = true;
    answer([this] { return open(); });
  }
  [[nodiscard]] Instant since() const noexcept { return since_; }
  void interrupt() noexcept override {
    dial_.interrupt();
    if (options_.ticket != nullptr) options_.ticket->cancel();
  }

 private:
  using Opened = Result<std::unique_ptr<driver::Session>>;

  // Tells the pool what came of it.
  template <class Attempt>
  void answer(const Attempt& attempt) noexcept {
    try {
      const Instant began = steady_clock().now();
      Opened session = attempt();
      const Nanos took = steady_clock().now() - began;
      if (session) {
        tell_connect(**session, took);
        const uint64_t number = (*session)->number();
        leave_older_credentials();
        endpoint_.pool_->dialled(session.take());
        leave_if_older(number);
        return;
      }
      leave_older_credentials();
      Failure failure = session.take_error();
      failure->connection = endpoint_.source_->connection();
      failure->endpoint = endpoint_.label();
      tell_failure(*failure, took);
      endpoint_.pool_->dial_failed(std::move(failure));
    } catch (const std::bad_alloc&) {
      endpoint_.pool_->dial_failed(nullptr);
    }
  }
  void tell_connect(const driver::Session& session, Nanos took) noexcept {
    endpoint_.source_->counters().dials.add(took);
    endpoint_.source_->tell(observe::Kind::connect, [&](observe::Event& event) {
      event.session = session.number();
      event.backend_id = session.backend_id();
      event.duration = took;
    });
  }
  void tell_failure(const Error& failure, Nanos took) noexcept {
    endpoint_.source_->tell(observe::Kind::dial_failed, [&](observe::Event& event) {
      event.duration = took;
      event.status = failure.status;
      event.message = failure.message;
    });
  }
  void leave_older_credentials() noexcept {
    if (endpoint_.credentials_ != nullptr) endpoint_.leave_older_credentials();
  }
  // Where they have changed while it was opened. Whoever has changed them may have looked before it was in the pool.
  void leave_if_older(uint64_t session) noexcept {
    if (endpoint_.credentials_ == nullptr || endpoint_.credentials_->version() == version_) return;
    endpoint_.pool_->expire(session);
  }
  Opened open() {
    std::unique_ptr<driver::Session> prime;
    if (endpoint_.prime_ != nullptr && !endpoint_.primed_.load(std::memory_order_acquire)) {
      auto opened = endpoint_.driver_.open(*endpoint_.prime_, dial_);
      if (!opened) return opened.take_error();
      prime = opened.take();
    }
    auto session = endpoint_.credentials_ == nullptr ? open_session() : open_with(*endpoint_.credentials_);
    if (session) endpoint_.primed_.store(true, std::memory_order_release);
    return session;
  }
  Opened open_session() { return endpoint_.driver_.open(endpoint_.settings_.address, dial_); }
  Opened open_with(Credentials& credentials) {
    std::vector<Credentials::Login> refused;
    auto given = credentials.for_dial(options_);
    if (!given) return dial_.interrupted() ? dial_.stopped() : given.take_error();
    for (;;) {
      dial_.log_in_as(given->login);
      auto session = open_session();
      if (session) {
        credentials.accepted(*given);
        version_ = given->version;
        return session;
      }
      if (session.error().status != Status::authentication) return session;
      refused.push_back(given->login);
      auto other = credentials.instead_of(refused, options_);
      if (!other) return excused(session.take_error(), other.error().message);
      if (other->login == nullptr) return excused(session.take_error(), credentials.excuse());
      given = std::move(other);
    }
  }
  static Failure excused(Failure failure, const std::string& excuse) {
    if (!excuse.empty()) failure->message += " (" + excuse + ')';
    return failure;
  }

  std::shared_ptr<Endpoints> owner_;
  Endpoint& endpoint_;
  const Instant since_ = steady_clock().now();
  driver::Dial dial_;
  CallOptions options_;   // with which credentials are asked for
  uint64_t version_ = 0;  // of the credentials that the session was opened with
  bool ran_ = false;
};

class Endpoint::LookJob final : public runtime::Job {
 public:
  LookJob(std::shared_ptr<Endpoints> owner, Endpoint& endpoint, Deadline deadline)
      : Job(look_group, deadline), owner_(std::move(owner)), endpoint_(endpoint) {}
  ~LookJob() override { endpoint_.looking_.store(false, std::memory_order_release); }
  void run() noexcept override {
    try {
      endpoint_.credentials_->look();
      endpoint_.leave_older_credentials();
    } catch (const std::bad_alloc&) {
      return;  // the next look will see it
    }
  }

 private:
  const std::shared_ptr<Endpoints> owner_;
  Endpoint& endpoint_;
};

Endpoint::Endpoint(Role role, config::Endpoint settings, driver::Driver& driver, const config::Connection& connection,
                   std::shared_ptr<observe::Hub> hub, pool::Share share, std::shared_ptr<Credentials> credentials)
    : role_(role),
      settings_(std::move(settings)),
      server_group_(server_group_of(*this)),
      driver_(driver),
      source_(std::make_shared<observe::Source>(std::move(hub),
                                                observe::SourceSettings{.connection = connection.name,
                                                                        .endpoint = settings_.address.label(),
                                                                        .echo_pool = connection.echo_pool,
                                                                        .slow_query = connection.slow_query})),
      credentials_(std::move(credentials)),
      pool_(std::make_unique<pool::Pool>(*source_, settings_.pool, *this, steady_clock(), seed(), std::move(share))),
      shared_(std::make_unique<SharedSessions>(*pool_)) {}

Endpoint::~Endpoint() { pool_->close(); }

void Endpoint::dial(pool::Pool& pool) noexcept {
  try {
    const std::shared_ptr<Endpoints> owner = owner_.lock();
    if (owner == nullptr) {
      pool.dial_failed(fail(Status::closed, "the connection was closed", Phase::connect));
      return;
    }
    // Files do not wait behind servers.
    const bool local = settings_.address.driver == config::DriverKind::sqlite;
    runtime::Crew& crew = local                               ? runtime::workers()
                          : settings_.address.ask_credentials ? runtime::askers()
                                                              : runtime::connectors();
    crew.submit(std::make_shared<DialJob>(owner, *this, from_now(settings_.pool.create_timeout)));
  } catch (const std::bad_alloc&) {
    pool.dial_failed(nullptr);
  }
}

void Endpoint::look_at_credentials() noexcept {
  if (credentials_ == nullptr) return;
  if (!credentials_->needs_looks()) return leave_older_credentials();  // what another endpoint has been told
  if (looking_.exchange(true, std::memory_order_acquire)) return;
  try {
    if (const std::shared_ptr<Endpoints> owner = owner_.lock()) {
      runtime::Crew& crew = runtime::workers();
      return crew.submit(std::make_shared<LookJob>(owner, *this, from_now(look_patience)));
    }
  } catch (const std::bad_alloc&) {
    looking_.store(false, std::memory_order_release);
  }
}

void Endpoint::leave_older_credentials() noexcept {
  const uint64_t version = credentials_->version();
  uint64_t followed = followed_.load(std::memory_order_relaxed);
  while (followed < version) {
    if (followed_.compare_exchange_weak(followed, version, std::memory_order_acq_rel)) return pool_->expire_all();
  }
}

void Endpoint::watch(pool::Pool& pool, driver::Session& session) noexcept {
  (void)pool;
  if (const std::shared_ptr<Endpoints> owner = owner_.lock()) {
    runtime::housekeeper().watch(session.descriptor(), session.number(),
                                 std::shared_ptr<runtime::HangUpListener>(owner, this));
  }
}

void Endpoint::retire(std::unique_ptr<driver::Session> session, pool::Permit permit) noexcept {
  runtime::housekeeper().forget(session->number());
  try {
    runtime::Crew& crew = runtime::workers();
    crew.submit(std::make_shared<RetireJob>(std::move(session), std::move(permit), closing_, settings_.address.driver,
                                            own_group(), from_now(settings_.pool.destroy_timeout)));
  } catch (const std::bad_alloc&) {
    session.reset();  // here and now, if it must be
  }
}

void Endpoint::tell_role(std::string_view message) noexcept {
  source_->tell(observe::Kind::role_change, [&](observe::Event& event) { event.message = message; });
}

void Endpoint::close() noexcept {
  pool_->close();
  {
    const std::lock_guard lock(dials_mutex_);
    closed_ = true;
  }
  break_off_dials(Deadline::never().at);
}

void Endpoint::break_off_dials(Instant since_before) noexcept {
  const std::lock_guard lock(dials_mutex_);
  for (DialJob* dial : dials_) {
    if (dial->since() < since_before) dial->interrupt();
  }
}

void Endpoint::wake_at(pool::Pool& pool, Instant at) noexcept {
  (void)pool;
  if (const std::shared_ptr<Endpoints> owner = owner_.lock()) {
    runtime::housekeeper().wake_at(std::shared_ptr<runtime::Task>(owner, this), at);
  }
}

std::shared_ptr<Endpoints> Endpoints::make(Settings given, driver::Driver& driver,
                                           std::shared_ptr<sql::Table> statements,
                                           const std::shared_ptr<observe::Hub>& hub,
                                           const std::shared_ptr<pool::SessionLimit>& limit,
                                           const std::shared_ptr<CredentialsSource>& source) {
  auto endpoints = std::make_shared<Endpoints>(std::move(given), driver, std::move(statements));
  const config::Connection& settings = endpoints->settings();
  const config::Endpoint& primary = settings.primary;
  std::shared_ptr<Credentials> asked;
  const auto add = [&](Role role, config::Endpoint endpoint) {
    auto credentials = credentials_of(endpoint.address, settings.name, source, asked);
    const bool in_memory = endpoint.address.is_in_memory();
    endpoints->all_.push_back(std::make_unique<Endpoint>(role, std::move(endpoint), driver, settings, hub,
                                                         pool::Share{limit, in_memory}, std::move(credentials)));
  };
  if (!is_file(primary.address)) {
    config::Endpoint only = primary;
    if (primary.address.driver == config::DriverKind::sqlite) only.pool = only_session(only.pool);
    add(Role::primary, std::move(only));
    for (const config::Endpoint& replica : settings.replicas) add(Role::replica, replica);
  } else if (primary.address.read_only) {
    add(Role::primary, primary);
  } else {
    add(Role::primary, {primary.address, one_writer(primary.pool)});
    config::Endpoint reader = primary;
    reader.address.read_only = true;
    add(Role::replica, std::move(reader));
    endpoints->all_.back()->prime_ = std::make_unique<config::Address>(primary.address);
  }
  std::vector<Role> roles;
  for (const auto& endpoint : endpoints->all_) roles.push_back(endpoint->role());
  endpoints->lookout_ = std::make_unique<Lookout>(*endpoints, roles);
  for (const auto& endpoint : endpoints->all_) {
    endpoint->owner_ = endpoints;
    // Known to the housekeeper before there can be a time when memory is short.
    runtime::housekeeper().wake_at(std::shared_ptr<runtime::Task>(endpoints, endpoint.get()), Deadline::never().at);
  }
  return endpoints;
}

Endpoints::Endpoints(Settings settings, driver::Driver& driver, std::shared_ptr<sql::Table> statements) noexcept
    : settings_(std::move(settings)), driver_(driver), statements_(std::move(statements)) {}

Endpoints::~Endpoints() = default;

routing::Set Endpoints::readers(const routing::Wish& wish, uint32_t writer) const noexcept {
  const Instant now = wish.max_lag ? steady_clock().coarse() : Instant{};
  return routing::readers(
      wish, size(), [&](uint32_t i) { return lookout_->seen(i, now); }, writer, now);
}

uint32_t Endpoints::first_of(routing::Set readers, bool takes_turn) {
  const auto count = static_cast<uint32_t>(std::popcount(readers));
  if (count == 1) return routing::nth(readers, 0);
  switch (settings_->policy) {
    case config::Policy::round_robin: break;
    case config::Policy::random: {
      thread_local std::minstd_rand random(static_cast<unsigned>(seed()));
      return routing::nth(readers, static_cast<uint32_t>(random() % count));
    }
    case config::Policy::least_busy: {
      uint32_t calmest = routing::nth(readers, 0);
      for (uint32_t n = 1; n < count; ++n) {
        const uint32_t other = routing::nth(readers, n);
        if (all_[other]->pool().leased() < all_[calmest]->pool().leased()) calmest = other;
      }
      return calmest;
    }
  }
  const uint64_t turn = takes_turn ? turn_.fetch_add(1, std::memory_order_relaxed) : turn_.load();
  return routing::nth(readers, static_cast<uint32_t>(turn % count));
}

routing::Order Endpoints::order(const routing::Wish& wish, bool takes_turn) {
  lookout_->note_use();
  const uint32_t writer = lookout_->writer();
  const routing::Set readers = size() == 1 ? 0 : this->readers(wish, writer);
  const bool reads = wish.read && wish.mode != routing::Mode::write;
  const bool spares_writer = reads && settings_->only_replicas && size() > 1;
  const routing::Set sure = wish.after.empty() ? readers : those_that(&Lookout::has, wish.after, readers);
  const routing::Set chosen = sure != 0 ? sure : those_that(&Lookout::may_reach, wish.after, readers);
  const bool unsure = sure == 0 && chosen != 0;
  return {chosen, chosen == 0 ? 0 : first_of(chosen, takes_turn), spares_writer ? routing::Order::nobody : writer,
          unsure};
}

routing::Set Endpoints::those_that(Judgement judges, const driver::Position& position,
                                   routing::Set set) const noexcept {
  routing::Set chosen = 0;
  for (uint32_t i = 0; i < size(); ++i) {
    const routing::Set it = routing::Set{1} << i;
    if ((set & it) != 0 && (*lookout_.*judges)(i, position)) chosen |= it;
  }
  return chosen;
}

Failure Endpoints::nobody_serves(const routing::Wish& wish) const {
  std::string why;
  const Instant now = steady_clock().now();
  for (uint32_t i = 0; i < size(); ++i) {
    const Lookout::Told told = lookout_->told(i);
    why += (why.empty() ? "" : "; ") + all_[i]->label() + ' ' +
           routing::told(routing::fitness(told.seen, told.is_writer, wish.max_lag, now), told.seen, now);
    if (told.seen.is_aside) why += " (" + told.why_aside + ')';
  }
  return fail(Status::unavailable, "no replica can serve this read, and the primary is not to: " + why, Phase::acquire);
}

void Endpoints::know_what(const Endpoints& before) {
  const auto same = [](const auto& a, const auto& b) { return a->label() == b->label(); };
  if (!std::equal(all_.begin(), all_.end(), before.all_.begin(), before.all_.end(), same)) return;
  lookout_->take_over(*before.lookout_);
}

std::optional<Nanos> Endpoints::lag_of(uint32_t endpoint) const noexcept {
  if (endpoint == lookout_->writer() || settings_->driver == config::DriverKind::sqlite) return Nanos(0);
  const Instant now = steady_clock().coarse();
  return lookout_->seen(endpoint, now).lag_by(now);
}

void Endpoints::open() noexcept {
  for (const auto& endpoint : all_) endpoint->pool().open();
}

bool Endpoints::has_changing_credentials() const noexcept {
  return std::any_of(all_.begin(), all_.end(), [](const auto& endpoint) { return endpoint->credentials() != nullptr; });
}

void Endpoints::look_at_credentials() noexcept {
  for (const auto& endpoint : all_) endpoint->look_at_credentials();
}

void Endpoints::close() noexcept {
  lookout_->stop();
  for (const auto& endpoint : all_) endpoint->close();
}

void Endpoints::drain() noexcept {
  lookout_->stop();
  for (const auto& endpoint : all_) endpoint->drain();
}

void Endpoints::break_off_dials(Instant since_before) noexcept {
  for (const auto& endpoint : all_) endpoint->break_off_dials(since_before);
}

uint64_t Endpoints::uses() const noexcept {
  uint64_t sum = 0;
  for (const auto& endpoint : all_) sum += endpoint->pool().acquired();
  return sum - std::min(sum, lookout_->looks());
}

bool Endpoints::in_use() const noexcept {
  return leased() > 0 || std::any_of(all_.begin(), all_.end(),
                                     [](const auto& endpoint) { return endpoint->pool().pressure().waiting > 0; });
}

uint32_t Endpoints::leased() const noexcept {
  uint32_t sum = 0;
  for (const auto& endpoint : all_) sum += endpoint->pool().leased();
  return sum;
}

bool Endpoints::drained() const noexcept {
  for (const auto& endpoint : all_) {
    if (!endpoint->drained()) return false;
  }
  return true;
}

}  // namespace tl::connection
