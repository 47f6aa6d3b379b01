// Reading the file again, and doing what it says now.
#include <algorithm>

#include "changes.hpp"

namespace tl::registry {

class Reload {
 public:
  Reload(Registry& registry, bool verify, const connection::CallOptions& options)
      : registry_(registry), verify_(verify), options_(options), before_(registry.config()) {}

  // Absent: something else has changed meanwhile, and all must be looked at again.
  Result<std::optional<std::vector<Change>>> run() {
    for (const auto step : {&Reload::read, &Reload::plan, &Reload::check}) {
      if (Result<void> done = (this->*step)(); !done) return done.take_error();
    }
    const Registry::Changing changing(registry_);
    if (!is_current()) return std::optional<std::vector<Change>>();
    if (Result<void> done = apply(); !done) return done.take_error();
    return std::optional(std::move(changes_));
  }

 private:
  struct Patch {
    std::shared_ptr<Entry> entry;
    Version before, after;
    connection::Tried tried;
  };

  Result<void> read() {
    if (before_->file.empty()) {
      return fail(Status::misuse, before_->source + " is no file that could be read again", Phase::configure);
    }
    config::Surroundings surroundings = config::process_surroundings();
    surroundings.environment = config::chosen_environment(*before_->base);
    auto read = config::load_file(before_->file, std::move(surroundings));
    if (!read) return read.take_error();
    // What writes it might be at its beginning; all would be closed for good.
    if (read->connections.empty() && !before_->connections.empty()) {
      return fail(Status::configuration, before_->source + ": the file has no connections any more", Phase::configure);
    }
    read->source = before_->source;
    after_ = std::make_shared<const config::Config>(read.take());
    return {};
  }

  Result<void> plan() {
    for (const config::Connection& settings : after_->connections) {
      if (auto entry = registry_.names_.find(settings.name)) {
        plan_patch(std::move(entry), settings);
      } else {
        added_.push_back(registry_.make_entry(settings, nullptr));
        changes_.push_back({Change::Kind::added, settings.name, {}});
      }
    }
    for (const config::Connection& settings : before_->connections) {
      if (after_->find(settings.name) != nullptr) continue;
      auto entry = registry_.names_.find(settings.name);
      if (entry == nullptr || !is_of_file(entry->version())) continue;
      changes_.push_back({Change::Kind::released, settings.name, {}});
      released_.push_back(std::move(entry));
    }
    return {};
  }

  // Also where the settings are those of the file without being said there: from now on they are.
  void plan_patch(std::shared_ptr<Entry> entry, const config::Connection& settings) {
    Version before = entry->version();
    const bool same = *before.settings == settings;
    if (same && before.written == nullptr) return;
    Version after{same ? before.settings : std::make_shared<const config::Connection>(settings), nullptr};
    if (!same) {
      changes_.push_back({Change::Kind::patched, settings.name, config::differences(*before.settings, settings)});
    }
    patches_.push_back({std::move(entry), std::move(before), std::move(after), {}});
  }

  static bool is_of_file(const Version& version) { return version.written == nullptr || version.written->in_file; }

  Result<void> check() {
    for (Patch& patch : patches_) {
      if (patch.before.settings == patch.after.settings) continue;
      if (Result<void> fine = patch.entry->may_change(); !fine) return fine;
      if (!verify_ || patch.entry->peek() == nullptr) continue;
      auto tried = registry_.try_out(patch.entry, patch.after.settings, options_);
      if (!tried) return tried.take_error();
      patch.tried = tried.take();
    }
    return {};
  }

  [[nodiscard]] bool is_current() const {
    const auto is_new = [this](const auto& entry) { return !registry_.names_.has(entry->name()); };
    const auto is_there = [this](const auto& entry) { return registry_.names_.find(entry->name()) == entry; };
    return registry_.config() == before_ && std::all_of(added_.begin(), added_.end(), is_new) &&
           std::all_of(released_.begin(), released_.end(), is_there) &&
           std::all_of(patches_.begin(), patches_.end(),
                       [this](const Patch& patch) { return registry_.is_still(*patch.entry, patch.before); });
  }

  // What can fail comes first, and is taken back if it does.
  Result<void> apply() {
    size_t done = 0;
    size_t inserted = 0;
    const auto undo = [&] {
      while (done > 0) (void)patches_[done - 1].entry->patch(patches_[done - 1].before, {}), --done;
      while (inserted > 0) (void)registry_.names_.erase(added_[--inserted]->name());
    };
    try {
      for (Patch& patch : patches_) {
        if (Result<void> made = patch.entry->patch(patch.after, std::move(patch.tried)); !made) {
          undo();
          return made;
        }
        ++done;
      }
      for (const auto& entry : added_) {
        (void)registry_.names_.insert(entry);
        ++inserted;
      }
    } catch (const std::bad_alloc&) {
      undo();
      throw;
    }
    finish();
    return {};
  }

  void finish() {
    registry_.take_config(after_);
    registry_.limit_->change(after_->max_open.value_or(pool::SessionLimit::none));
    for (const auto& entry : added_) {
      observe::tell_state(registry_.hub(), entry->name(), connection::state_name(connection::State::registered));
    }
    for (const auto& entry : released_) {
      (void)registry_.names_.erase(entry->name());
      entry->release();
    }
    std::vector<std::string> fresh = after_->warnings;
    std::erase_if(fresh, [this](const std::string& warning) {
      return std::find(before_->warnings.begin(), before_->warnings.end(), warning) != before_->warnings.end();
    });
    log_warnings(fresh);
  }

  Registry& registry_;
  const bool verify_;
  const connection::CallOptions& options_;
  const std::shared_ptr<const config::Config> before_;
  std::shared_ptr<const config::Config> after_;
  std::vector<Patch> patches_;
  Entries added_, released_;
  std::vector<Change> changes_;
};

Result<std::vector<Change>> Registry::reload(bool verify, const connection::CallOptions& options) {
  for (;;) {
    auto done = Reload(*this, verify, options).run();
    if (!done) return done.take_error();
    if (*done) return std::move(**done);
  }
}

}  // namespace tl::registry
