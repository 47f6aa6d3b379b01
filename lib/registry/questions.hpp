// Questions that the library has to the application: events that somebody listens to, and what is answered to them.
#pragma once
#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "asked_credentials.hpp"
#include "call.hpp"
#include "fork.hpp"
#include "hub.hpp"

namespace tl::registry {

// One question at a time about each subject: who asks the same meanwhile waits for its answer. It stays open until it
// is answered, or for as long as the application has: also where nobody waits for it any more, so that what takes
// longer than callers have is found by later ones. [any thread]
class Questions final : public connection::CredentialsSource, private ForkParticipant {
 public:
  // Of credentials; of a name none.
  using Answer = connection::CredentialsSource::Answer;
  using Key = std::pair<observe::Kind, std::string>;

  // `patience`: how long the application has for an answer.
  Questions(std::shared_ptr<observe::Hub> hub, Nanos patience);
  ~Questions() override;
  void take_patience(Nanos patience) noexcept { patience_.store(patience, std::memory_order_relaxed); }

  // Waits until it is answered. Errors: not_found or, of credentials, authentication, nobody listens; busy, only the
  // caller itself could answer; acquire_timeout or connect_timeout, nobody has answered in time; cancelled; resource,
  // it could not be told to anybody; what was answered.
  [[nodiscard]] Result<Answer> ask(observe::Kind kind, const std::string& subject,
                                   const connection::CallOptions& options);
  [[nodiscard]] Result<Answer> credentials_of(const std::string& connection,
                                              const connection::CallOptions& dial) override;
  [[nodiscard]] Result<void> may_ask_credentials(const std::string& connection,
                                                 const connection::CallOptions& options) const override;
  // Somebody does not listen any more: ends what nobody else will answer.
  void give_up() noexcept;
  // What the question is about; absent: it is not open any more.
  [[nodiscard]] std::optional<Key> about(uint64_t number) const;
  // Ends it for all who wait. Harmless where it is not open any more.
  void answer(uint64_t number, Result<Answer> answer);
  // The same where there is no memory for it, or for the question: it fails as resource.
  void fail_for_want_of_memory(uint64_t number) noexcept;
  // Credentials as a text, valid for so long; absent: until they are refused. Errors: configuration, which those who
  // wait get as well.
  [[nodiscard]] Result<void> answer_credentials(uint64_t number, const std::string& connection, std::string_view text,
                                                std::optional<Nanos> valid_for);

 private:
  class Asker;
  class Asking;
  struct Question {
    Key key;
    Deadline until;
    std::list<Asker*> askers = {};
    std::optional<Answer> late = {};  // credentials that nobody waited for: for whoever asks next
  };
  using Open = std::map<uint64_t, Question>;  // by number, and so by age

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork() noexcept override { mutex_.unlock(); }
  void begin_in_child() noexcept override;  // who asked is not there any more

  // With the lock held.
  [[nodiscard]] Open::iterator find_open(const Key& key, Instant now);  // end(): it is to be asked
  [[nodiscard]] Open::iterator open(const Key& key, Instant now);
  Open::iterator close(Open::iterator question) noexcept;

  [[nodiscard]] Result<void> may_ask(const Key& key, const connection::CallOptions& options) const;

  const std::shared_ptr<observe::Hub> hub_;
  std::atomic<Nanos> patience_;
  mutable ForkMutex mutex_;
  Open open_;
  std::map<Key, uint64_t> numbers_;
  uint64_t last_number_ = 0;
};

}  // namespace tl::registry
