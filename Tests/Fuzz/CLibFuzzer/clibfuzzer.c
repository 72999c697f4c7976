// The function is in the library that -sanitize=fuzzer links.
#include "clibfuzzer.h"
