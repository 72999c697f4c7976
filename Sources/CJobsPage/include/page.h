#pragma once

#include <stddef.h>

/// A file of the page, as it was when this was compiled.
struct page_file {
  const char *name;
  const unsigned char *bytes;
  size_t count;
};

/// Returns a file by its position; one without a name behind the last.
struct page_file page_file_at(size_t position);
