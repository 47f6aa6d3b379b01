/* Before the library in LD_PRELOAD: its queues have a descriptor that no loop can watch. */
#include <fcntl.h>

int tl_queue_fd(const void* queue) {
  static int none = -1;
  (void)queue;
  if (none < 0) none = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  return none;
}
