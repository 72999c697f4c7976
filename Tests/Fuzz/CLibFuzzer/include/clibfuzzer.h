#pragma once
#include <stddef.h>
#include <stdint.h>

/// The entry point of libFuzzer, for programs that have a main of their own
/// (https://llvm.org/docs/LibFuzzer.html).
int LLVMFuzzerRunDriver(int *argument_count, char ***arguments,
                        int (*run_one)(const uint8_t *data, size_t size));
