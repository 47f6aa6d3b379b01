// Calls on a queue: one caller against blocking calls, and many over few sessions against threads over raw connections.
#pragma once
#include <string>

namespace bench {

struct QueueCase {
  const char* name;
  void (*ours)(double seconds);
  void (*theirs)(double seconds);
};

// Null: there is none of the name.
const QueueCase* find_queue_case(const std::string& name);

}  // namespace bench
