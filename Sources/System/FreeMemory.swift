internal import CLinux

/// Memory that was freed but is still held by the allocator.
package enum FreeMemory {
  /// Maps every large allocation separately, so that freeing it unmaps it at once.
  ///
  /// By itself glibc stops mapping large bodies and responses after the first was freed (mallopt(3), dynamic
  /// mmap threshold). Those that are freed out of order then leave holes.
  package static func mapLargeAllocations() {
    clinux_set_mmap_threshold(1024 * 1024)
  }

  /// Returns free memory to the system (malloc_trim(3)).
  ///
  /// Takes milliseconds and locks the allocator meanwhile, so call it after a load peak only.
  package static func trim() {
    clinux_malloc_trim()
  }
}
