internal import CLinux

/// Memory that was freed, and that the allocator keeps for the next who asks.
package enum FreeMemory {
  /// Gives large bodies and answers back as soon as they are freed. By itself glibc stops mapping them after the
  /// first was freed (mallopt(3), dynamic mmap threshold), and those that are freed out of order leave holes.
  package static func mapLargeAllocations() {
    clinux_set_mmap_threshold(1024 * 1024)
  }

  /// Gives it back to the system. Takes milliseconds, and locks the allocator meanwhile: for after a storm.
  package static func trim() {
    clinux_malloc_trim()
  }
}
