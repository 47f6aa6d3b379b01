// Questions that the library has to the application: events that somebody listens to, and what is answered to them.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "call.hpp"
#include "fork.hpp"
#include "hub.hpp"

namespace tl::registry {

// One question at a time about each subject: who asks the same meanwhile waits for its answer. [any thread]
class Questions final : private ForkParticipant {
 public:
  explicit Questions(observe::Hub& hub);
  ~Questions() override;

  // Waits until it is answered. Errors: not_found, nobody listens; busy, only the caller itself could answer;
  // acquire_timeout, nobody has answered until then; cancelled; what was answered.
  [[nodiscard]] Result<void> ask(observe::Kind kind, const std::string& subject, Deadline until,
                                 const connection::CallOptions& options);
  // Somebody does not listen any more: ends what nobody else will answer.
  void give_up();
  // What the question is about; absent: nobody asks it any more.
  [[nodiscard]] std::optional<std::string> subject(uint64_t number) const;
  // Ends it for all who wait. False: nobody asked it any more.
  bool answer(uint64_t number, Result<void> answer);

 private:
  class Asker;
  struct Question {
    uint64_t number = 0;
    std::vector<Asker*> askers;
  };
  using Key = std::pair<observe::Kind, std::string>;

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork() noexcept override { mutex_.unlock(); }
  void begin_in_child() noexcept override;  // who asked is not there any more

  [[nodiscard]] uint64_t join(const Key& key, Asker& asker);  // the number of a new question, 0: it is asked already
  void leave(const Key& key, const Asker& asker);
  [[nodiscard]] Failure nobody_listens(const Key& key) const;
  [[nodiscard]] Result<void> may_ask(const Key& key, const connection::CallOptions& options) const;

  observe::Hub& hub_;
  mutable ForkMutex mutex_;
  std::map<Key, Question> open_;
  uint64_t last_number_ = 0;
};

}  // namespace tl::registry
