// A process may be started with standard input, output or error closed (`serve 2>&-`). open(2) returns the lowest number that
// is free, so a database would become standard error, and every log line a write into it.
#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

/// Opens /dev/null for each of them that is closed. Before main, and before Swift opens anything: every executable of the
/// package links this file, and runs this first.
__attribute__((constructor(101))) void clinux_fill_standard_descriptors(void) {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
    if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // There is nowhere to write why.
    if (open("/dev/null", O_RDWR) != descriptor) _exit(EX_OSERR);
  }
}
