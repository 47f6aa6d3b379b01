/* trunkline: named database connections. C++20 over the C ABI of trunkline.h, header only.
 *
 *   const auto db = trunkline::registry::open();
 *   for (auto [id, name] : db.on("main").query("SELECT id, name FROM people WHERE born < ?", 1970)
 *                              .as<int64_t, std::string_view>()) { … }
 *   db.on("main").transaction([&](trunkline::connection& tx) { tx.query("DELETE FROM people WHERE id = ?", 5); });
 *
 * Without waiting, on a queue that the program drives; awaitable in coroutines of any type:
 *
 *   const auto queue = db.queue();
 *   const auto main = db.on(queue, "main");
 *   auto found = co_await main.query("SELECT name FROM people WHERE id = ?", 5);
 *
 * Every failure is a trunkline::error; std::bad_alloc where memory is short. Handles release themselves, in any order.
 */
#ifndef TRUNKLINE_HPP
#define TRUNKLINE_HPP

#include "cpp/connections.hpp"
#include "cpp/events.hpp"
#include "cpp/health.hpp"
#include "cpp/queue.hpp"

namespace trunkline {

// Whether new settings count only where sessions can be opened with them.
enum class verify : uint32_t { no = 0, yes = TL_CHANGE_VERIFY };

// Every name of one configuration, and those that were added. Copies are the same registry. [any thread]
class registry {
 public:
  // Reads a file and opens no connection. path "": TRUNKLINE_CONFIG, else trunkline.toml upward from the working
  // folder; environment "": TRUNKLINE_ENV. Throws TL_E_NOT_FOUND, TL_E_CONFIGURATION (details: file, line, key,
  // suggestion).
  [[nodiscard]] static registry open(const std::string& path = {}, const std::string& environment = {}) {
    return made([&](tl_registry** out, tl_error** err) {
      return tl_registry_open(path.c_str(), environment.c_str(), out, err);
    });
  }
  // The same from text; `source` names it in errors.
  [[nodiscard]] static registry parse(std::string_view toml, const std::string& source = "<text>",
                                      const std::string& environment = {}) {
    return made([&](tl_registry** out, tl_error** err) {
      return tl_registry_parse(toml.data(), toml.size(), source.c_str(), environment.c_str(), out, err);
    });
  }

  // The registry that all code of the process shares, a plug-in or an embedded Python for example. The first call opens
  // it as open() does; later ones, which need name nothing, get the same. It lives as long as the process, and close()
  // is everybody's. Throws TL_E_CONFIGURATION where it has another file or environment, or where another copy of the
  // library has given it out.
  [[nodiscard]] static registry shared(const std::string& path = {}, const std::string& environment = {}) {
    return made([&](tl_registry** out, tl_error** err) {
      return tl_registry_shared(path.c_str(), environment.c_str(), out, err);
    });
  }
  // Makes this one that, for a configuration that is no file. Throws TL_E_CONFIGURATION where there is another one.
  void share() const {
    detail::checked([&](tl_error** err) { return tl_registry_share(raw_.get(), err); });
  }

  [[nodiscard]] bool has(std::string_view name) const noexcept {
    return tl_registry_has(raw_.get(), name.data(), name.size()) != 0;
  }
  // By order of registration.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (auto& [name] : inspect("names").all<std::string>()) all.push_back(std::move(name));
    return all;
  }
  // Registers a connection as if the text stood under [connections.NAME] of the configuration; opens nothing. False:
  // there is one with the same settings. Throws TL_E_CONFIGURATION, also where there is one with others: a detail "key"
  // for each that differs.
  bool add(std::string_view name, std::string_view toml) const {
    int32_t added = 0;
    detail::checked([&](tl_error** err) {
      return tl_registry_add(raw_.get(), name.data(), name.size(), toml.data(), toml.size(), &added, err);
    });
    return added != 0;
  }
  // Closes a connection for good and forgets its name at once, then waits as close() does. Handles that exist throw
  // TL_E_CLOSED for ever, also where the name is added again. False: there is no such name.
  bool remove(std::string_view name, std::chrono::milliseconds timeout = {}) const {
    int32_t removed = 0;
    const tl_call call = detail::call_of(timeout);
    detail::checked(
        [&](tl_error** err) { return tl_registry_remove(raw_.get(), name.data(), name.size(), &call, &removed, err); });
    return removed != 0;
  }
  pending<bool> remove(const trunkline::queue& queue, std::string_view name,
                       std::chrono::milliseconds timeout = {}) const {
    return of(queue).run_completed(
        detail::call_of(timeout),
        [&](const tl_call* call, tl_error** err) {
          return tl_registry_remove(raw_.get(), name.data(), name.size(), call, nullptr, err);
        },
        [](const tl_completion& done) { return done.arg[0] != 0; });
  }

  // Lays TOML over the settings of a connection, key by key. New calls have them at once, on new sessions; what runs or
  // waits ends on the old ones. False: they were so already. `verify::yes`: only if sessions can be opened with them.
  bool patch(std::string_view name, std::string_view toml, verify verify = verify::no,
             std::chrono::milliseconds timeout = {}) const {
    int32_t changed = 0;
    const tl_call call = detail::call_of(timeout);
    detail::checked([&](tl_error** err) { return patched(name, toml, verify, &call, &changed, err); });
    return changed != 0;
  }
  pending<bool> patch(const trunkline::queue& queue, std::string_view name, std::string_view toml,
                      verify verify = verify::no, std::chrono::milliseconds timeout = {}) const {
    return of(queue).run_completed(
        detail::call_of(timeout),
        [&](const tl_call* call, tl_error** err) { return patched(name, toml, verify, call, nullptr, err); },
        [](const tl_completion& done) { return done.arg[0] != 0; });
  }
  // Reads the file again and does what it says: all of it, or nothing. A row for each name that is another now: name,
  // change (added, patched, released), keys.
  result reload(verify verify = verify::no, std::chrono::milliseconds timeout = {}) const {
    return reloaded(here, verify, timeout);
  }
  pending<result> reload(const trunkline::queue& queue, verify verify = verify::no,
                         std::chrono::milliseconds timeout = {}) const {
    return reloaded(of(queue), verify, timeout);
  }
  // Closes the sessions of a connection, or of all: idle ones at once, busy ones as they come home. Waits for nothing.
  void trim(std::string_view name) const {
    detail::checked([&](tl_error** err) { return tl_registry_trim(raw_.get(), filled(name), name.size(), err); });
  }
  void trim() const {
    detail::checked([&](tl_error** err) { return tl_registry_trim(raw_.get(), nullptr, 0, err); });
  }

  // A pooled handle; opens nothing. Throws TL_E_NOT_FOUND, with the nearest name.
  [[nodiscard]] connection on(std::string_view name, mode mode = mode::dual) const {
    return connection(get(filled(name), name.size(), mode));
  }
  [[nodiscard]] connection on(mode mode = mode::dual) const {
    return connection(get(nullptr, 0, mode));
  }  // the default
  // The same whose verbs run on a queue of this registry.
  [[nodiscard]] async_connection on(const trunkline::queue& queue, std::string_view name,
                                    mode mode = mode::dual) const {
    return async_connection(get(filled(name), name.size(), mode), of(queue));
  }
  [[nodiscard]] async_connection on(const trunkline::queue& queue, mode mode = mode::dual) const {
    return async_connection(get(nullptr, 0, mode), of(queue));
  }
  [[nodiscard]] trunkline::queue queue() const { return trunkline::queue(raw_); }

  // Opens a connection now, which its first statement would do; reopens a closed one. Without a name: the default.
  void connect(std::string_view name, std::chrono::milliseconds timeout = {}) const {
    open_or_close(here, tl_registry_connect, filled(name), name.size(), timeout);
  }
  void connect(std::chrono::milliseconds timeout = {}) const {
    open_or_close(here, tl_registry_connect, nullptr, 0, timeout);
  }
  pending<void> connect(const trunkline::queue& queue, std::string_view name,
                        std::chrono::milliseconds timeout = {}) const {
    return open_or_close(of(queue), tl_registry_connect, filled(name), name.size(), timeout);
  }
  pending<void> connect(const trunkline::queue& queue, std::chrono::milliseconds timeout = {}) const {
    return open_or_close(of(queue), tl_registry_connect, nullptr, 0, timeout);
  }
  // All of them, one after the other; goes on after a failure, and throws the first one.
  void connect_all(std::chrono::milliseconds timeout = {}) const {
    open_or_close(here, connect_every, nullptr, 0, timeout);
  }
  pending<void> connect_all(const trunkline::queue& queue, std::chrono::milliseconds timeout = {}) const {
    return open_or_close(of(queue), connect_every, nullptr, 0, timeout);
  }
  // Closes idle sessions at once and others as they come home; new verbs throw TL_E_CLOSED. Throws TL_E_BUSY where that
  // takes longer than `timeout` (0: pool.destroy_timeout); it is closed all the same. Without a name: all.
  void close(std::string_view name, std::chrono::milliseconds timeout = {}) const {
    open_or_close(here, tl_registry_close, filled(name), name.size(), timeout);
  }
  void close(std::chrono::milliseconds timeout = {}) const {
    open_or_close(here, tl_registry_close, nullptr, 0, timeout);
  }
  pending<void> close(const trunkline::queue& queue, std::string_view name,
                      std::chrono::milliseconds timeout = {}) const {
    return open_or_close(of(queue), tl_registry_close, filled(name), name.size(), timeout);
  }
  pending<void> close(const trunkline::queue& queue, std::chrono::milliseconds timeout = {}) const {
    return open_or_close(of(queue), tl_registry_close, nullptr, 0, timeout);
  }

  // What the library knows: "names", "connections", "endpoints", "pools", "sessions", "leases", "metrics", "prometheus"
  // (see metrics()), "settings", "warnings", "health" (see health()), "budget" (the sessions that are planned on each
  // server, and how many it allows), "check" (what is weak, also in that); of one name or of all. The last three ask
  // servers, all at once and for 3 s.
  [[nodiscard]] result inspect(const std::string& what) const { return inspected(here, what, nullptr, 0); }
  [[nodiscard]] result inspect(const std::string& what, std::string_view name) const {
    return inspected(here, what, filled(name), name.size());
  }
  [[nodiscard]] pending<result> inspect(const trunkline::queue& queue, const std::string& what) const {
    return inspected(of(queue), what, nullptr, 0);
  }
  [[nodiscard]] pending<result> inspect(const trunkline::queue& queue, const std::string& what,
                                        std::string_view name) const {
    return inspected(of(queue), what, filled(name), name.size());
  }

  // Whether the servers answer, all asked at once and each for `how.timeout` at most; of one name, or of all.
  [[nodiscard]] trunkline::health health(const health_options& how = {}) const {
    return asked_health(here, how, nullptr, 0);
  }
  [[nodiscard]] trunkline::health health(std::string_view name, const health_options& how = {}) const {
    return asked_health(here, how, filled(name), name.size());
  }
  [[nodiscard]] pending<trunkline::health> health(const trunkline::queue& queue, const health_options& how = {}) const {
    return asked_health(of(queue), how, nullptr, 0);
  }
  [[nodiscard]] pending<trunkline::health> health(const trunkline::queue& queue, std::string_view name,
                                                  const health_options& how = {}) const {
    return asked_health(of(queue), how, filled(name), name.size());
  }

  // What has been counted of the connections that are open, in Prometheus' text format.
  [[nodiscard]] std::string metrics() const { return inspect("prometheus").value<std::string>(); }

  // Has fn(const event&) called with events of these kinds until what this gives ends: on a thread of its own, or by
  // whoever drives the queue, several at a time where several threads do. What waits to be told holds nobody up; of
  // more than 1024 such events the newest are dropped, and counted.
  template <class F>
  subscription subscribe(event_kind kinds, F fn) const {
    return subscribed(detail::reactor::make(raw_), kinds, std::move(fn)).on_own_thread();
  }
  template <class F>
  subscription subscribe(const trunkline::queue& queue, event_kind kinds, F fn) const {
    return subscribed(queue.reactor(), kinds, std::move(fn));
  }

  // Has fn(std::string_view name) asked for connections that the registry does not have, until what this gives ends. It
  // answers their settings, TOML as add() takes it, or nothing (std::optional) where there is no such connection; asked
  // once while many want the same name, which is added then. `unused`: forgotten again when no session of it was in use
  // for about so long, and asked for at the next use; 0: kept. While this is there, on() takes any name, and the first
  // verb asks.
  //
  // A trunkline::error that fn throws is what the verbs throw. After another exception they throw TL_E_UNAVAILABLE,
  // without its text, and after settings that are wrong TL_E_CONFIGURATION; both go on as exceptions of a
  // subscription's function do. A blocking verb on a name that is to be asked for throws TL_E_BUSY in fn itself, and on
  // the only thread that drives the queue: it would wait for itself. pending::get() drives, and is answered.
  template <class F>
  subscription resolver(F fn, std::chrono::milliseconds unused = {}) const {
    return subscribe(event_kind::ask_name, answering_names(std::move(fn), unused));
  }
  template <class F>
  subscription resolver(const trunkline::queue& queue, F fn, std::chrono::milliseconds unused = {}) const {
    return subscribe(queue, event_kind::ask_name, answering_names(std::move(fn), unused));
  }
  // Has fn(std::string_view name) asked for what sessions log in with, of connections with `credentials = "ask"`: it
  // gives trunkline::credentials, or nothing (std::optional), after which verbs throw TL_E_AUTHENTICATION. Asked once
  // while many sessions are opened, and again when what it gave is not valid any more; sessions of older ones go when
  // nobody uses them. What it throws is told as resolver() does. It must not wait for a connection that it is asked
  // for.
  template <class F>
  subscription credentials(F fn) const {
    return subscribe(event_kind::ask_credentials, answering_credentials(std::move(fn)));
  }
  template <class F>
  subscription credentials(const trunkline::queue& queue, F fn) const {
    return subscribe(queue, event_kind::ask_credentials, answering_credentials(std::move(fn)));
  }
  // The same by hand, for those who subscribe to event_kind::ask_name or ask_credentials and find the answer without
  // waiting for it: TOML, and how long it holds, as tl_answer says. False: nobody asks any more. Throws
  // TL_E_CONFIGURATION, which is what the verbs throw, too.
  bool answer(uint64_t question, std::string_view toml, std::chrono::milliseconds keep = {}) const {
    return answered(question, TL_OK, toml, keep);
  }
  bool refuse(uint64_t question, tl_status status, std::string_view why = {}) const {
    return answered(question, status, why, {});
  }

  // For options::cancel_by.
  [[nodiscard]] trunkline::operation operation() const { return trunkline::operation(raw_); }

 private:
  explicit registry(tl_registry* raw) : raw_(raw, &tl_registry_release) {}

  template <class Make>
  static registry made(const Make& make) {
    tl_registry* out = nullptr;
    detail::checked([&](tl_error** err) { return make(&out, err); });
    return registry(out);
  }

  // NULL is the C ABI's "no name", which an empty name is not.
  static const char* filled(std::string_view name) noexcept { return name.data() == nullptr ? "" : name.data(); }

  static constexpr detail::blocking here{};
  static detail::queued of(const trunkline::queue& queue) { return {queue.reactor()}; }

  tl_conn* get(const char* name, size_t size, mode mode) const {
    tl_conn* out = nullptr;
    detail::checked(
        [&](tl_error** err) { return tl_conn_get(raw_.get(), name, size, static_cast<int32_t>(mode), &out, err); });
    return out;
  }
  static tl_status connect_every(tl_registry* raw, const char*, size_t, const tl_call* call, tl_error** err) {
    return tl_registry_connect_all(raw, call, err);
  }
  template <class Way>
  typename Way::template answer<void> open_or_close(
      const Way& way, tl_status (*verb)(tl_registry*, const char*, size_t, const tl_call*, tl_error**),
      const char* name, size_t size, std::chrono::milliseconds timeout) const {
    return way.template run<void>(
        detail::call_of(timeout),
        [&](const tl_call* call, void**, tl_error** err) { return verb(raw_.get(), name, size, call, err); },
        [](void*) {});
  }
  tl_status patched(std::string_view name, std::string_view toml, verify verify, const tl_call* call, int32_t* changed,
                    tl_error** err) const {
    return tl_registry_patch(raw_.get(), filled(name), name.size(), filled(toml), toml.size(),
                             static_cast<uint32_t>(verify), call, changed, err);
  }
  template <class F>
  subscription subscribed(const std::shared_ptr<detail::reactor>& on, event_kind kinds, F fn) const {
    auto to = std::make_shared<detail::calling_listener<F>>(std::move(fn));
    subscription begun(on, to);
    on->submit(to, detail::call_of(std::chrono::milliseconds(0)), [&](const tl_call* call, tl_error** err) {
      return tl_subscribe(raw_.get(), static_cast<uint32_t>(kinds), call, err);
    });
    return begun;
  }
  bool answered(uint64_t question, tl_status status, std::string_view text, std::chrono::milliseconds keep) const {
    tl_error* err = nullptr;
    const tl_status done = tl_answer(raw_.get(), question, status, filled(text), text.size(), keep.count(), &err);
    if (done != TL_OK && done != TL_E_NOT_FOUND) detail::raise(done, err);
    tl_error_release(err);
    return done == TL_OK;
  }
  static constexpr std::string_view function_failed = "the function that is asked for it failed";
  // False: the error's own status and text are none that could be told.
  bool refused_with(uint64_t question, const error& failure) const {
    try {
      refuse(question, failure.status(), failure.what());
      return true;
    } catch (const error&) {
      refuse(question, TL_E_UNAVAILABLE, function_failed);
      return false;
    }
  }
  // Every question is answered, also where that cannot be what was found: nobody is to wait until the time is up.
  // say(registry, question, Given) answers, `nothing` is the status where nothing is given.
  template <class Given, class F, class Say>
  auto answering(F find, tl_status nothing, Say say) const {
    return [self = *this, find = std::move(find), nothing, say](const event& asked) mutable {
      bool found = false;
      try {
        const std::optional<Given> given(std::invoke(find, std::string_view(asked.connection)));
        found = true;
        given ? say(self, asked.question, *given) : self.refuse(asked.question, nothing);
      } catch (const error& e) {
        if (!self.refused_with(asked.question, e) || found) throw;
      } catch (...) {
        self.refuse(asked.question, TL_E_UNAVAILABLE, function_failed);
        throw;
      }
    };
  }
  template <class F>
  auto answering_names(F find, std::chrono::milliseconds unused) const {
    if (unused.count() < 0) throw error(TL_E_MISUSE, "unused is negative");
    return answering<std::string>(std::move(find), TL_E_NOT_FOUND,
                                  [unused](const registry& self, uint64_t question, const std::string& toml) {
                                    return self.answer(question, toml, unused);
                                  });
  }
  template <class F>
  auto answering_credentials(F find) const {
    using login = trunkline::credentials;
    return answering<login>(std::move(find), TL_E_AUTHENTICATION,
                            [](const registry& self, uint64_t question, const login& given) {
                              return self.answer(question, detail::toml_of(given), given.valid);
                            });
  }
  template <class Way>
  typename Way::template answer<result> reloaded(const Way& way, verify verify,
                                                 std::chrono::milliseconds timeout) const {
    return way.template run<tl_result>(
        detail::call_of(timeout),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_registry_reload(raw_.get(), static_cast<uint32_t>(verify), call, out, err);
        },
        [](tl_result* raw) { return result(raw); });
  }
  template <class Way>
  typename Way::template answer<result> inspected(const Way& way, const std::string& what, const char* name,
                                                  size_t size) const {
    const auto whole = [](tl_result* raw) { return result(raw); };
    return inspected(way, what.c_str(), name, size, std::chrono::milliseconds(0), whole);
  }
  template <class Way>
  typename Way::template answer<trunkline::health> asked_health(const Way& way, const health_options& how,
                                                                const char* name, size_t size) const {
    const auto told = [](tl_result* raw) { return detail::health_of(result(raw)); };
    return inspected(way, how.open ? "health_open" : "health", name, size, how.timeout, told);
  }
  template <class Way, class Finish>
  auto inspected(const Way& way, const char* what, const char* name, size_t size, std::chrono::milliseconds timeout,
                 const Finish& finish) const {
    return way.template run<tl_result>(
        detail::call_of(timeout),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_inspect(raw_.get(), what, name, size, call, out, err);
        },
        finish);
  }

  std::shared_ptr<tl_registry> raw_;
};

}  // namespace trunkline

#endif
