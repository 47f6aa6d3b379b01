#include <tuple>

#include "config.hpp"

namespace tl::config {
namespace {

class Comparison {
 public:
  explicit Comparison(std::string prefix) : prefix_(std::move(prefix)) {}

  template <class T>
  void key(std::string_view name, const T& a, const T& b) {
    if (!(a == b)) keys.push_back(prefix_ + std::string(name));
  }
  void address(const Address& a, const Address& b) {
    key("host", a.host, b.host);
    key("port", a.port, b.port);
    key("socket", a.socket, b.socket);
    key("database", a.database, b.database);
    key("user", a.user, b.user);
    key("password", std::tie(a.password, a.password_file), std::tie(b.password, b.password_file));
    key("credentials", a.ask_credentials, b.ask_credentials);
    key("sslmode", a.sslmode, b.sslmode);
    key("ca", a.ca, b.ca);
    key("cert", a.cert, b.cert);
    key("key", a.key, b.key);
    key("timezone", a.timezone, b.timezone);
    key("charset", a.charset, b.charset);
    key("schema", a.schema, b.schema);
    key("application_name", a.application_name, b.application_name);
    key("read_only", a.read_only, b.read_only);
    key("statement_timeout", a.statement_timeout, b.statement_timeout);
    key("synchronous", a.synchronous, b.synchronous);
    key("attach", a.attach, b.attach);
    key("statement_cache", a.statement_cache, b.statement_cache);
    key("arrays", a.arrays, b.arrays);
  }
  void pool(const Pool& a, const Pool& b) {
    key("pool.min", a.min, b.min);
    key("pool.max", a.max, b.max);
    key("pool.max_overflow", a.max_overflow, b.max_overflow);
    if (a.max == b.max) key("pool.max_idle", a.max_idle, b.max_idle);  // else it may only follow that
    key("pool.acquire_timeout", a.acquire_timeout, b.acquire_timeout);
    key("pool.create_timeout", a.create_timeout, b.create_timeout);
    key("pool.destroy_timeout", a.destroy_timeout, b.destroy_timeout);
    key("pool.idle_timeout", a.idle_timeout, b.idle_timeout);
    key("pool.max_lifetime", a.max_lifetime, b.max_lifetime);
    key("pool.reap_interval", a.reap_interval, b.reap_interval);
    key("pool.create_retry_interval", a.create_retry_interval, b.create_retry_interval);
    key("pool.pre_ping", a.pre_ping, b.pre_ping);
    key("pool.max_waiters", a.max_waiters, b.max_waiters);
    key("pool.multiplex", a.multiplex, b.multiplex);
  }

  std::vector<std::string> keys;

 private:
  const std::string prefix_;
};

}  // namespace

std::vector<std::string> differences(const Connection& a, const Connection& b) {
  if (a == b) return {};
  Comparison seen("");
  seen.key("driver", a.driver, b.driver);
  if (a.driver == b.driver) {  // else everything is for another kind of database
    seen.key("description", a.description, b.description);
    seen.address(a.primary.address, b.primary.address);
    seen.pool(a.primary.pool, b.primary.pool);
    seen.key("replicas.policy", a.policy, b.policy);
    seen.key("replicas.max_lag", a.max_lag, b.max_lag);
    seen.key("replicas.when_unavailable", a.only_replicas, b.only_replicas);
    seen.key("replicas.probe_interval", a.probe_interval, b.probe_interval);
    seen.key("replicas.read", a.replicas, b.replicas);
    seen.key("call_timeout", a.call_timeout, b.call_timeout);
    seen.key("idle_close", a.idle_close, b.idle_close);
    seen.key("consistency", a.session_consistency, b.session_consistency);
    seen.key("consistency_wait", a.consistency_wait, b.consistency_wait);
    seen.key("result_bytes", a.result_bytes, b.result_bytes);
    seen.key("echo", a.echo, b.echo);
    seen.key("echo_pool", a.echo_pool, b.echo_pool);
    seen.key("health_check", a.health_check, b.health_check);
    seen.key("slow_query", a.slow_query, b.slow_query);
    seen.key("retry.attempts", a.retry.attempts, b.retry.attempts);
    seen.key("retry.delay", a.retry.delay, b.retry.delay);
    seen.key("retry.max_delay", a.retry.max_delay, b.retry.max_delay);
    seen.key("fallback", a.fallback, b.fallback);
    seen.key("fallback_writes", a.fallback_writes, b.fallback_writes);
  }
  return std::move(seen.keys);
}

}  // namespace tl::config
