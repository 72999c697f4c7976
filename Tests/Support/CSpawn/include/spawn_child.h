#pragma once
#include <sys/types.h>

// Starts a program in a process group of its own, with default signal handling.
//
// - descriptors: what becomes standard input, output and error; -1 leaves the caller's. No other descriptor
//   is passed on.
// - folder: the working directory; NULL for the caller's.
// - Returns: 0, or an errno.
int spawn_child(
  pid_t *pid, const char *path, char *const arguments[], char *const environment[], const char *folder,
  const int descriptors[3]);
