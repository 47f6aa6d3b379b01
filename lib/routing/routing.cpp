#include "routing.hpp"

#include "values.hpp"

namespace tl::routing {

using driver::ServerRole;

bool reads(sql::Kind kind) noexcept { return kind == sql::Kind::read; }

Fitness fitness(const Seen& seen, bool is_writer, std::optional<Nanos> max_lag, Instant now) noexcept {
  if (is_writer) return Fitness::writer;
  if (seen.is_aside) return Fitness::aside;
  if (seen.role == ServerRole::primary) return Fitness::primary;
  if (!max_lag) return Fitness::fit;
  const std::optional<Nanos> lag = seen.lag_by(now);
  if (!lag) return Fitness::lag_unknown;
  return *lag <= *max_lag ? Fitness::fit : Fitness::behind;
}

std::string told(Fitness fitness, const Seen& seen, Instant now) {
  switch (fitness) {
    case Fitness::fit: return "serves reads";
    case Fitness::writer: return "takes the writes";
    case Fitness::aside: return "has failed, and is set aside until it answers";
    case Fitness::behind: {
      const auto lag = std::chrono::ceil<std::chrono::milliseconds>(seen.lag_by(now).value_or(Nanos(0)));
      return "is " + config::duration_text(lag) + " behind";
    }
    case Fitness::lag_unknown: return "is not known to be near enough to the primary";
    case Fitness::primary: return "is a primary, beside the one that takes the writes";
  }
  return "";
}

uint32_t nth(Set set, uint32_t n) noexcept {
  for (; n > 0; --n) set &= set - 1;
  return static_cast<uint32_t>(std::countr_zero(set));
}

uint32_t Order::operator[](uint32_t i) const noexcept {
  if (i >= count_) return writer_;
  if (i == 0) return first_;
  const auto before = static_cast<uint32_t>(std::popcount(readers_ & ((Set{1} << first_) - 1)));
  return nth(readers_, (before + i) % count_);
}

namespace {

// Of a configured replica that nobody made read-only nothing is known: taking writes there could part two histories.
bool is_primary(std::span<const Contender> contenders, uint32_t i) noexcept {
  const Contender& it = contenders[i];
  if (it.role != ServerRole::primary) return false;
  return it.is_certain || i == 0 || it.was_replica || contenders[0].role == ServerRole::replica;
}

// Whether a takes the writes rather than b, both primaries.
bool goes_before(const Contender& a, const Contender& b) noexcept {
  if (a.is_aside != b.is_aside) return b.is_aside;
  return a.timeline > b.timeline;
}

}  // namespace

uint32_t choose_writer(std::span<const Contender> contenders, uint32_t current) noexcept {
  uint32_t chosen = current;
  bool found = is_primary(contenders, current);
  for (uint32_t i = 0; i < contenders.size(); ++i) {
    if (i == current || !is_primary(contenders, i)) continue;
    if (found ? !goes_before(contenders[i], contenders[chosen]) : contenders[i].is_aside) continue;
    chosen = i;
    found = true;
  }
  return chosen;
}

}  // namespace tl::routing
