internal import CLinux

/// Memory that was freed, and that the allocator keeps for the next who asks.
package enum FreeMemory {
  /// Gives it back to the system. Takes milliseconds, and locks the allocator meanwhile: for after a storm.
  package static func giveBack() {
    clinux_release_memory()
  }
}
