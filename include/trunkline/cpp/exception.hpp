// What every call of trunkline.hpp throws.
#pragma once
#include <trunkline/trunkline.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline {

// What became of the statement. Only the first two are certain not to have had an effect.
enum class outcome : int32_t {
  not_sent = TL_NOT_SENT,
  refused = TL_REFUSED,
  rolled_back = TL_ROLLED_BACK,
  unknown = TL_UNKNOWN,
};

// what() is one line for a person and never holds a secret. Copies share their contents; [any thread].
class error : public std::runtime_error {
 public:
  using detail_list = std::vector<std::pair<std::string, std::string>>;

  // A fault found on this side of the C ABI, such as a value that its type cannot hold. Of a statement that has run the
  // outcome is unknown: whether it had an effect, which then stands, is not known here.
  error(tl_status status, const std::string& message, trunkline::outcome outcome = outcome::unknown)
      : std::runtime_error(message), facts_(std::make_shared<facts>(facts{.status = status, .outcome = outcome})) {}
  // Copies everything out of `from`, which stays the caller's.
  explicit error(const tl_error* from) : std::runtime_error(tl_error_message(from)), facts_(facts::of(from)) {}

  [[nodiscard]] tl_status status() const noexcept { return facts_->status; }  // TL_E_…
  [[nodiscard]] const char* status_name() const noexcept { return tl_status_name(facts_->status); }
  [[nodiscard]] trunkline::outcome outcome() const noexcept { return facts_->outcome; }
  [[nodiscard]] const std::string& connection() const noexcept { return facts_->connection; }  // "": of none
  [[nodiscard]] const std::string& endpoint() const noexcept { return facts_->endpoint; }      // "": of none
  [[nodiscard]] const std::string& phase() const noexcept { return facts_->phase; }
  [[nodiscard]] const std::string& sqlstate() const noexcept { return facts_->sqlstate; }  // "": the server gave none
  [[nodiscard]] int32_t native() const noexcept { return facts_->native; }  // the database's code, 0: none
  [[nodiscard]] const detail_list& details() const noexcept { return facts_->details; }
  // The first detail of that key ("constraint", "file", "line", "suggestion", …); "" where there is none.
  [[nodiscard]] std::string_view detail(std::string_view key) const noexcept {
    for (const auto& [name, value] : facts_->details) {
      if (name == key) return value;
    }
    return {};
  }

 private:
  struct facts {
    tl_status status = TL_OK;
    trunkline::outcome outcome = outcome::unknown;
    int32_t native = 0;
    std::string connection{}, endpoint{}, phase{}, sqlstate{};
    detail_list details{};

    static std::shared_ptr<const facts> of(const tl_error* from) {
      auto result = std::make_shared<facts>(facts{
          .status = tl_error_status(from),
          .outcome = static_cast<trunkline::outcome>(tl_error_outcome(from)),
          .native = tl_error_native(from),
          .connection = tl_error_connection(from),
          .endpoint = tl_error_endpoint(from),
          .phase = tl_error_phase(from),
          .sqlstate = tl_error_sqlstate(from),
      });
      const char* key = nullptr;
      const char* value = nullptr;
      for (size_t i = 0; tl_error_detail(from, i, &key, &value) == TL_OK; ++i) result->details.emplace_back(key, value);
      return result;
    }
  };

  std::shared_ptr<const facts> facts_;  // copying an exception must not throw
};

namespace detail {

// Takes `raw`, which is null where there was no memory for it.
[[noreturn]] inline void raise(tl_status status, tl_error* raw) {
  const std::unique_ptr<tl_error, decltype(&tl_error_release)> owned(raw, &tl_error_release);
  if (raw == nullptr) throw error(status, tl_status_name(status));
  throw error(raw);
}

// Calls a function of the C ABI, whose last parameter `call` passes on; throws what it reports.
template <class Call>
void checked(const Call& call) {
  tl_error* raw = nullptr;
  if (const tl_status status = call(&raw); status != TL_OK) raise(status, raw);
}

}  // namespace detail
}  // namespace trunkline
