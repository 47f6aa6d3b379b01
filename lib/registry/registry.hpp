// The named connections of one configuration, and those that are added to it. Everything here: [any thread].
#pragma once
#include <optional>

#include "added.hpp"
#include "forgetter.hpp"
#include "handle.hpp"
#include "names.hpp"
#include "questions.hpp"

namespace tl::registry {

// What reload() has done to a name.
struct Change {
  enum class Kind : uint8_t { added, patched, released } kind;
  std::string name;
  std::vector<std::string> keys;  // that are others now; of `patched`
};

class Registry final : public connection::Finder,
                       public std::enable_shared_from_this<Registry>,
                       private ForkParticipant {
 public:
  explicit Registry(config::Config config);
  ~Registry() override;

  // A pooled handle; waits for nothing. name empty: the default. One whose name the application is to be asked for
  // looks it up when it is used. Errors: not_found, with the nearest name.
  [[nodiscard]] Result<std::shared_ptr<connection::Handle>> handle(std::string_view name, routing::Mode mode);
  // name empty: the default. Errors: not_found, with the nearest name.
  [[nodiscard]] Result<std::shared_ptr<connection::Connection>> find(std::string_view name) const;
  // Where it is not there the application is asked, if it wants to be. Errors: not_found; those of Questions::ask().
  [[nodiscard]] Result<std::shared_ptr<connection::Connection>> find(const std::string& name,
                                                                     const connection::CallOptions& options) override;
  void note_use() override { forgetter_->watch(); }
  // To a question: with Status::ok what it asks for, else why there is none. Of a name: the connection's settings, as
  // of add(), and after how long without use it is to be forgotten (absent: never). Of credentials: user and password,
  // and for how long they are valid (absent: until they are refused). Errors: not_found, nobody asks it any more;
  // configuration, which those who ask get as well.
  [[nodiscard]] Result<void> answer(uint64_t question, Status status, std::string_view text, std::optional<Nanos> keep);
  [[nodiscard]] Result<std::shared_ptr<Entry>> entry(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  // By order of registration.
  [[nodiscard]] Entries entries() const { return names_.all(); }
  // As it was read last.
  [[nodiscard]] std::shared_ptr<const config::Config> config() const;
  [[nodiscard]] Questions& questions() noexcept { return *questions_; }
  [[nodiscard]] runtime::Tickets& tickets() noexcept { return tickets_; }
  // Where what happens to its connections can be listened to.
  [[nodiscard]] observe::Hub& hub() const noexcept { return *hub_; }
  // Over the sessions of all names.
  [[nodiscard]] const pool::SessionLimit& limit() const noexcept { return *limit_; }

  // Registers a connection as if the text stood under [connections.NAME] of the file. False: there is one with the same
  // settings already. Errors: configuration, also where there is one with others.
  [[nodiscard]] Result<bool> add(std::string_view name, std::string_view toml);
  // Lays the text over the settings of a connection; see Connection::patch(). `verify`: only if sessions can be opened
  // with what comes of it. False: they were so already. Errors: not_found; configuration; with `verify` those of
  // connecting.
  [[nodiscard]] Result<bool> patch(std::string_view name, std::string_view toml, bool verify,
                                   const connection::CallOptions& options);
  // Reads the file again and does what it says now: all of it, or nothing. Names that were added to it stay as they
  // are. `verify` as of patch(), for connections that are open. Errors: those of patch(); misuse: there is no file.
  [[nodiscard]] Result<std::vector<Change>> reload(bool verify, const connection::CallOptions& options);
  // Closes the connection for good and forgets its name, then waits as close() does. False: there is no such name.
  [[nodiscard]] Result<bool> remove(std::string_view name, std::optional<Deadline> until,
                                    const runtime::Ticket* ticket = nullptr);

  [[nodiscard]] Result<void> connect(std::string_view name, const connection::CallOptions& options);
  // All of them, one after the other. Goes on after a failure, and answers the first one.
  [[nodiscard]] Result<void> connect_all(const connection::CallOptions& options) const;
  // name null: all of them, together. `until` not given: each connection's destroy_timeout from now. `ticket` may be
  // null. Errors: not_found; busy; cancelled: only the waiting is.
  [[nodiscard]] Result<void> close(const std::string_view* name, std::optional<Deadline> until,
                                   const runtime::Ticket* ticket = nullptr) const;
  // See Connection::trim(). name null: all that can be. Errors: not_found; configuration.
  [[nodiscard]] Result<void> trim(const std::string_view* name) const;

 private:
  friend class Reload;
  friend class Forgetter;

  // A change, one after the other; never while anything is waited for. A fork does not find it half done.
  class Changing {
   public:
    explicit Changing(Registry& registry) : lock_(registry.changes_) {}

   private:
    const ForkDelay whole_;
    const std::lock_guard<ForkMutex> lock_;
  };

  void before_fork() noexcept override;
  void after_fork() noexcept override;
  void begin_in_child() noexcept override;

  [[nodiscard]] Result<Entries> chosen(const std::string_view* name) const;
  [[nodiscard]] Failure not_found(std::string_view name) const;
  [[nodiscard]] std::shared_ptr<Entry> make_entry(config::Connection settings, std::shared_ptr<const Written> written,
                                                  bool was_asked_for = false);
  // Of a name that the application has told when it was asked.
  struct Found {
    std::optional<Nanos> unused_for;
  };
  [[nodiscard]] Result<std::shared_ptr<Entry>> read_entry(std::string_view name, std::string_view toml,
                                                          const Found* found);
  [[nodiscard]] Result<void> answer(uint64_t question, const Questions::Key& about, Status status,
                                    std::string_view text, std::optional<Nanos> keep);
  [[nodiscard]] std::shared_ptr<Entry> insert(const std::shared_ptr<Entry>& entry);
  [[nodiscard]] Result<void> take_found(const std::string& name, std::string_view toml, const Found& found);
  // A name that was found on demand. False: it is not such a one any more, or has none.
  [[nodiscard]] bool forget(const std::shared_ptr<Entry>& entry);
  [[nodiscard]] Result<Version> patched(const std::string& name, const Version& before, std::string_view toml) const;
  // Of settings that are not the file's, and have another fallback than before: whether it is there beside the names.
  [[nodiscard]] Result<void> check_fallback(const config::Connection& connection, const Written& written,
                                            std::string_view source) const;
  [[nodiscard]] Result<connection::Tried> try_out(const std::shared_ptr<Entry>& entry,
                                                  const connection::Settings& settings,
                                                  const connection::CallOptions& options) const;
  [[nodiscard]] bool is_still(const Entry& entry, const Version& version) const;
  void take_config(std::shared_ptr<const config::Config> config);

  const std::shared_ptr<observe::Hub> hub_ = std::make_shared<observe::Hub>();  // endpoints may outlive the registry
  const std::shared_ptr<pool::SessionLimit> limit_;
  Names names_;
  std::atomic<uint64_t> last_number_{0};
  runtime::Tickets tickets_;
  ForkMutex changes_;
  mutable ForkMutex config_mutex_;
  std::shared_ptr<const config::Config> config_;
  const std::shared_ptr<Questions> questions_;  // dials may outlive the registry
  const std::shared_ptr<Forgetter> forgetter_;
};

// The name that is meant where none is said; as in a file that does not say: "default".
[[nodiscard]] std::string_view default_name(const config::Config& config) noexcept;

}  // namespace tl::registry
