#pragma once
#include <zlib.h>

// deflateInit2 is a macro, which Swift cannot call. Returns the number of bytes written to `output`, in the
// format of gzip (RFC 1952); 0 if it is too small, or without memory.
static inline size_t czlib_gzip(
    const unsigned char *input, size_t count, unsigned char *output, size_t capacity) {
  z_stream stream = {.next_in = (z_const unsigned char *)input, .avail_in = (uInt)count,
                     .next_out = output, .avail_out = (uInt)capacity};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    return 0;
  }
  int result = deflate(&stream, Z_FINISH);
  size_t written = stream.total_out;
  deflateEnd(&stream);
  return result == Z_STREAM_END ? written : 0;
}
