// A process may be started with standard input, output or error closed (`serve 2>&-`). open(2) returns the
// lowest free number, so a database would become standard error, and every log line a write into it.
#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

/// Opens /dev/null for each standard descriptor that is closed. A constructor: it runs before main and before
/// Swift opens anything. Every executable of the package links this file.
__attribute__((constructor(101))) void clinux_fill_standard_descriptors(void) {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
    if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // There is no descriptor to report the error on.
    if (open("/dev/null", O_RDWR) != descriptor) _exit(EX_OSERR);
  }
}
