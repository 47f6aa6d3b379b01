// What a verb is given: borrowed from its caller while it runs here, kept for one that runs on a queue.
#pragma once
#include "options.hpp"

namespace tl::capi {

template <class T>
class Borrowed {
 public:
  explicit Borrowed(const std::shared_ptr<T>& of) noexcept : of_(&of) {}
  void keep() { kept_ = *of_; }
  [[nodiscard]] const std::shared_ptr<T>& shared() const noexcept { return kept_ == nullptr ? *of_ : kept_; }
  T& operator*() const noexcept { return *shared(); }
  T* operator->() const noexcept { return shared().get(); }

 private:
  const std::shared_ptr<T>* of_;
  std::shared_ptr<T> kept_;
};

struct ConnInputs {
  explicit ConnInputs(const tl_conn& conn) noexcept : registry(conn.registry), handle(conn.handle) {}
  void keep() {
    registry.keep();
    handle.keep();
  }
  [[nodiscard]] std::optional<Nanos> timeout() const { return handle->call_timeout(); }
  [[nodiscard]] Failure told(Failure failure) const { return handle->told(std::move(failure)); }
  // Before the verb: a connection that must be looked up says only then how long calls on it last.
  [[nodiscard]] Result<void> prepare(Options& options) const;

  Borrowed<registry::Registry> registry;
  Borrowed<connection::Handle> handle;
};

struct StatementInputs : ConnInputs {
  using ConnInputs::ConnInputs;
  void keep();

  std::string_view text;  // a statement, or a table
  Arguments values;
  Arguments columns;  // of a table, in the same arena
  size_t rows = 1;

 private:
  std::unique_ptr<std::byte[]> kept_;
};

struct RegistryInputs {
  // `name` null: the default, or all.
  RegistryInputs(const tl_registry& of, const char* name_, size_t name_len)
      : registry(of.registry), has_name(name_ != nullptr), name(capi::text(name_, name_len)) {}
  void keep() {
    registry.keep();
    kept_ = name;
    name = kept_;
    kept_what_ = what;
    what = kept_what_;
    kept_toml_ = toml;
    toml = kept_toml_;
  }
  [[nodiscard]] const std::string_view* chosen() const noexcept { return has_name ? &name : nullptr; }
  [[nodiscard]] static std::optional<Nanos> timeout() noexcept { return std::nullopt; }
  [[nodiscard]] static Failure told(Failure failure) noexcept { return failure; }

  Borrowed<registry::Registry> registry;
  bool has_name;
  std::string_view name;
  std::string_view what;
  std::string_view toml;
  bool verify = false;

 private:
  std::string kept_;
  std::string kept_what_;
  std::string kept_toml_;
};

}  // namespace tl::capi
