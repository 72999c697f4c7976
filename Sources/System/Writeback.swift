internal import CLinux

/// The writing of file content from memory to the disk.
package enum Writeback {
  /// Starts it for a range, and does not wait.
  ///
  /// Otherwise the sync at the end of a large file would write all of it at once, and the syncs of other
  /// files on the disk would wait behind it. A failure shows at the sync.
  package static func start(of descriptor: Int32, from offset: Int, count: Int) {
    _ = clinux_start_writing(descriptor, Int64(offset), Int64(count))
  }
}
