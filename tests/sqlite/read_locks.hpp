// The locks under which this process reads a write-ahead log.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

// The bytes of the log's index for that; who locks the first one reads nothing of the log.
constexpr int first_reader = 123;
constexpr int last_reader = 127;

// How many of the bytes from `first` to `last` it has locked.
inline int read_locks(const std::string& file, int first = first_reader, int last = last_reader) {
  struct stat index {};
  if (stat((file + "-shm").c_str(), &index) != 0) return 0;
  std::ifstream all("/proc/locks");
  int found = 0;
  for (std::string line; std::getline(all, line);) {
    int holder = 0;
    unsigned long inode = 0;
    int byte = 0;
    if (std::sscanf(line.c_str(), "%*u: POSIX %*s READ %d %*x:%*x:%lu %d", &holder, &inode, &byte) != 3) continue;
    if (holder == getpid() && inode == index.st_ino && byte >= first && byte <= last) ++found;
  }
  return found;
}
