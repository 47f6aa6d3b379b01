// Questions that the library has to the application: events that somebody listens to, and what is answered to them.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "asked_credentials.hpp"
#include "call.hpp"
#include "fork.hpp"
#include "hub.hpp"

namespace tl::registry {

// One question at a time about each subject: who asks the same meanwhile waits for its answer. [any thread]
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
  // caller itself could answer; acquire_timeout or connect_timeout, nobody has answered in time; cancelled; what was
  // answered.
  [[nodiscard]] Result<Answer> ask(observe::Kind kind, const std::string& subject,
                                   const connection::CallOptions& options);
  [[nodiscard]] Result<Answer> credentials_of(const std::string& connection,
                                              const connection::CallOptions& dial) override;
  [[nodiscard]] Result<void> may_ask_credentials(const std::string& connection,
                                                 const connection::CallOptions& options) const override;
  // Somebody does not listen any more: ends what nobody else will answer.
  void give_up();
  // What the question is about; absent: nobody asks it any more.
  [[nodiscard]] std::optional<Key> about(uint64_t number) const;
  // Ends it for all who wait. False: nobody asked it any more.
  bool answer(uint64_t number, Result<Answer> answer);
  // Credentials as a text, valid for so long; absent: until they are refused. Errors: configuration, which those who
  // wait get as well.
  [[nodiscard]] Result<void> answer_credentials(uint64_t number, const std::string& connection, std::string_view text,
                                                std::optional<Nanos> valid_for);

 private:
  class Asker;
  struct Question {
    uint64_t number = 0;
    std::vector<Asker*> askers;
  };

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork() noexcept override { mutex_.unlock(); }
  void begin_in_child() noexcept override;  // who asked is not there any more

  [[nodiscard]] uint64_t join(const Key& key, Asker& asker);  // the number of a new question, 0: it is asked already
  void leave(const Key& key, const Asker& asker);
  [[nodiscard]] Failure nobody_listens(const Key& key) const;
  [[nodiscard]] Result<void> may_ask(const Key& key, const connection::CallOptions& options) const;

  const std::shared_ptr<observe::Hub> hub_;
  std::atomic<Nanos> patience_;
  mutable ForkMutex mutex_;
  std::map<Key, Question> open_;
  uint64_t last_number_ = 0;
};

}  // namespace tl::registry
