#include "metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tl::registry {
namespace {

using columnar::Type;
using connection::Endpoint;
using observe::Histogram;

// An endpoint of an open connection, at one moment.
struct Point {
  std::shared_ptr<connection::Endpoints> owner;  // keeps it alive
  const Endpoint* endpoint;
  std::string pool;  // OpenTelemetry wants a name that no other pool of the program has
  pool::Figures figures;

  [[nodiscard]] const observe::Counters& counters() const { return endpoint->source()->counters(); }
  [[nodiscard]] const config::Pool& settings() const { return endpoint->pool().settings(); }
};

struct Label {
  std::string_view name;
  std::string value;
};

// One number of a metric.
struct Series {
  const Point* point;
  std::string_view suffix;   // "_bucket", …
  std::optional<Label> own;  // beside those of the point
  double value;
};

// Takes the numbers of one metric at one point.
class Taker {
 public:
  void at(const Point& point) noexcept { point_ = &point; }
  void number(double value) { series_.push_back({point_, "", std::nullopt, value}); }
  void number(double value, std::string_view label, std::string_view text) {
    series_.push_back({point_, "", Label{label, std::string(text)}, value});
  }
  void histogram(const Histogram& histogram);
  [[nodiscard]] const std::vector<Series>& series() const noexcept { return series_; }

 private:
  const Point* point_ = nullptr;
  std::vector<Series> series_;
};

struct Metric {
  std::string_view name, type, help;
  void (*take)(const Point&, Taker&);
};

std::string shortest(double number) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed).ptr;
  return {text.data(), end};
}

double seconds(Nanos duration) { return std::chrono::duration<double>(duration).count(); }

void Taker::histogram(const Histogram& histogram) {
  const Histogram::Seen seen = histogram.look();
  uint64_t sum = 0;
  for (size_t i = 0; i < seen.counts.size(); ++i) {
    sum += seen.counts[i];
    const std::string bound = i < Histogram::bounds.size() ? shortest(seconds(Histogram::bounds[i])) : "+Inf";
    series_.push_back({point_, "_bucket", Label{"le", bound}, static_cast<double>(sum)});
  }
  series_.push_back({point_, "_sum", std::nullopt, seconds(seen.sum)});
  series_.push_back({point_, "_count", std::nullopt, static_cast<double>(sum)});
}

void take_statements(const Point& point, Taker& taker) {
  const observe::Counters& counters = point.counters();
  uint64_t failed = 0;
  for (size_t i = 0; i < observe::outcomes; ++i) {
    const uint64_t some = counters.failed_with[i].load(std::memory_order_relaxed);
    failed += some;
    taker.number(static_cast<double>(some), "outcome", outcome_name(static_cast<Outcome>(i)));
  }
  const uint64_t all = std::max(counters.statements.look().count(), failed);  // they are not counted at one moment
  taker.number(static_cast<double>(all - failed), "outcome", "ok");
}

void take_errors(const Point& point, Taker& taker) {
  for (size_t i = 0; i < observe::statuses; ++i) {
    const uint64_t some = point.counters().failed_as[i].load(std::memory_order_relaxed);
    if (some == 0) continue;
    taker.number(static_cast<double>(some), "error_type", status_name(static_cast<Status>(-static_cast<int32_t>(i))));
  }
}

constexpr std::array metrics = {
    // A gauge; but to promtool no gauge's name may end so, and this one is OpenTelemetry's.
    Metric{"db_client_connection_count", "untyped", "Sessions, by whether a caller has them.",
           [](const Point& p, Taker& t) {
             t.number(p.figures.idle, "db_client_connection_state", "idle");
             t.number(p.figures.leased, "db_client_connection_state", "used");
           }},
    Metric{"db_client_connection_idle_max", "gauge", "Idle sessions that are kept at the most.",
           [](const Point& p, Taker& t) { t.number(p.settings().max_idle); }},
    Metric{"db_client_connection_idle_min", "gauge", "Sessions that are kept ready.",
           [](const Point& p, Taker& t) { t.number(p.settings().min); }},
    Metric{
        "db_client_connection_max", "gauge", "Sessions at the most, with the overflow.",
        [](const Point& p, Taker& t) { t.number(static_cast<double>(p.settings().max) + p.settings().max_overflow); }},
    Metric{"db_client_connection_pending_requests", "gauge", "Callers that wait for a session.",
           [](const Point& p, Taker& t) { t.number(p.figures.waiting); }},
    Metric{"db_client_connection_timeouts_total", "counter", "Callers that got no session in time.",
           [](const Point& p, Taker& t) { t.number(static_cast<double>(p.figures.acquire_timeouts)); }},
    Metric{"db_client_connection_create_time_seconds", "histogram", "How long it took to open sessions.",
           [](const Point& p, Taker& t) { t.histogram(p.counters().dials); }},
    Metric{"db_client_connection_wait_time_seconds", "histogram",
           "How long callers that found none idle waited for one.",
           [](const Point& p, Taker& t) { t.histogram(p.counters().waits); }},
    Metric{"db_client_connection_use_time_seconds", "histogram",
           "How long callers had sessions, by a clock of some milliseconds.",
           [](const Point& p, Taker& t) { t.histogram(p.counters().leases); }},
    Metric{"db_client_operation_duration_seconds", "histogram",
           "How long statements took with the reading of their answers, those that failed included.",
           [](const Point& p, Taker& t) { t.histogram(p.counters().statements); }},
    Metric{"trunkline_statements_total", "counter", "Statements that have ended, by what became of them.",
           take_statements},
    Metric{"trunkline_statement_errors_total", "counter", "Statements that failed, by the class of their error.",
           take_errors},
    Metric{"trunkline_sessions_lent_total", "counter", "Times that a caller got a session.",
           [](const Point& p, Taker& t) { t.number(static_cast<double>(p.figures.acquired)); }},
    Metric{"trunkline_sessions_opened_total", "counter", "Sessions that were opened.",
           [](const Point& p, Taker& t) { t.number(static_cast<double>(p.figures.opened)); }},
    Metric{"trunkline_sessions_closed_total", "counter", "Sessions that were closed or lost.",
           [](const Point& p, Taker& t) { t.number(static_cast<double>(p.figures.closed)); }},
    Metric{"trunkline_dial_failures_total", "counter", "Sessions that could not be opened.",
           [](const Point& p, Taker& t) { t.number(static_cast<double>(p.figures.dial_failures)); }},
};

std::vector<Point> points_of(const Entries& entries) {
  std::vector<Point> points;
  for (const auto& entry : entries) {
    const auto endpoints = entry->peek();
    for (uint32_t i = 0; endpoints != nullptr && i < endpoints->size(); ++i) {
      const Endpoint& endpoint = (*endpoints)[i];
      points.push_back({endpoints, &endpoint, entry->name() + (i == 0 ? "/primary" : "/replica-" + std::to_string(i)),
                        endpoint.pool().figures()});
    }
  }
  return points;
}

// Calls `each(metric, series)` for all that there is to tell of a metric.
template <class Each>
void for_metrics(const std::vector<Point>& points, const Each& each) {
  for (const Metric& metric : metrics) {
    Taker taker;
    for (const Point& point : points) {
      taker.at(point);
      metric.take(point, taker);
    }
    if (!taker.series().empty()) each(metric, taker.series());
  }
}

std::string_view system_of(const Endpoint& endpoint) {
  const config::DriverKind kind = endpoint.settings().address.driver;
  return kind == config::DriverKind::redshift ? "aws.redshift" : config::driver_name(kind);
}

// `name="value"`, with a comma before it unless it is the first.
void add_label(std::string& text, std::string_view name, std::string_view value) {
  if (!text.empty()) text += ',';
  text.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  text += '"';
}

std::string labels_of(const Series& series) {
  std::string text;
  const Endpoint& endpoint = *series.point->endpoint;
  add_label(text, "db_client_connection_pool_name", series.point->pool);
  add_label(text, "db_system_name", system_of(endpoint));
  add_label(text, "connection", endpoint.source()->connection());
  add_label(text, "endpoint", endpoint.label());
  if (series.own) add_label(text, series.own->name, series.own->value);
  return text;
}

}  // namespace

Table metrics_table(const Registry&, const Entries& entries) {
  Table table({{"connection", Type::text},
               {"role", Type::text},
               {"endpoint", Type::text},
               {"metric", Type::text},
               {"label", Type::text},
               {"value", Type::float64}});
  for_metrics(points_of(entries), [&](const Metric& metric, const std::vector<Series>& all) {
    for (const Series& series : all) {
      const Endpoint& endpoint = *series.point->endpoint;
      std::string label;
      if (series.own) add_label(label, series.own->name, series.own->value);
      table.add({endpoint.source()->connection(), std::string(connection::role_name(endpoint.role())), endpoint.label(),
                 std::string(metric.name) + std::string(series.suffix), label.empty() ? Cell() : Cell(label),
                 series.value});
    }
  });
  return table;
}

Table prometheus_table(const Registry& registry, const Entries& entries) {
  std::string text;
  const auto head = [&](std::string_view name, std::string_view type, std::string_view help) {
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    text.append(" ").append(type).append("\n");
  };
  for_metrics(points_of(entries), [&](const Metric& metric, const std::vector<Series>& all) {
    head(metric.name, metric.type, metric.help);
    for (const Series& series : all) {
      text.append(metric.name).append(series.suffix).append("{").append(labels_of(series)).append("} ");
      text.append(shortest(series.value)).append("\n");
    }
  });
  const auto of_all = [&](std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    head(name, type, help);
    text.append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  const pool::SessionLimit::Figures open = registry.limit().figures();
  of_all("trunkline_sessions_open", "gauge", "Sessions of all names, with those being opened or closed.", open.open);
  if (const uint32_t max = registry.limit().max(); max != pool::SessionLimit::none) {
    of_all("trunkline_sessions_open_limit", "gauge", "As many as there may be (max_open).", max);
    of_all("trunkline_sessions_open_waiting", "gauge", "Pools whose callers wait because of that limit.", open.waiting);
  }
  of_all("trunkline_events_dropped_total", "counter", "Events that there was no memory for.", registry.hub().dropped());

  Table table({{"text", Type::text}});
  table.add({std::move(text)});
  return table;
}

}  // namespace tl::registry
