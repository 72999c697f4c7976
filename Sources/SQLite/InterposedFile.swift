internal import CSQLite

/// An open SQLite file with some of its I/O methods replaced.
///
/// SQLite calls a file's methods through the pointer `pMethods`, which is set to the table in this value
/// until SQLite closes the file. The table is the first member, so the same pointer leads the methods to
/// their state.
struct InterposedFile<State> {
  private var methods: sqlite3_io_methods
  /// SQLite's own methods.
  let original: UnsafePointer<sqlite3_io_methods>
  var state: State

  typealias File = UnsafeMutablePointer<sqlite3_file>

  /// Replaces methods of `file`.
  ///
  /// - Parameter change: replaces methods in a copy of SQLite's table. They reach the state through
  ///   ``of(_:)``. Its xClose must be ``close(_:)``, or call it.
  static func interpose(
    in file: File, _ state: State, _ change: (inout sqlite3_io_methods) -> Void
  ) {
    guard let original = file.pointee.pMethods else { return }
    var methods = original.pointee
    change(&methods)
    let interposed = UnsafeMutablePointer<Self>.allocate(capacity: 1)
    interposed.initialize(to: Self(methods: methods, original: original, state: state))
    file.pointee.pMethods = UnsafeRawPointer(interposed).assumingMemoryBound(to: sqlite3_io_methods.self)
  }

  /// The interposed methods and state of a file.
  ///
  /// Call it only from those methods: SQLite passes them their file.
  static func of(_ file: File?) -> UnsafeMutablePointer<Self> {
    UnsafeMutableRawPointer(mutating: file.unsafelyUnwrapped.pointee.pMethods)
      .assumingMemoryBound(to: Self.self)
  }

  /// Frees the interposed methods, and closes the file with SQLite's own.
  static func close(_ file: File?) -> Int32 {
    let interposed = of(file)
    let original = interposed.pointee.original
    interposed.deinitialize(count: 1)
    interposed.deallocate()
    file?.pointee.pMethods = original
    return original.pointee.xClose?(file) ?? SQLITE_IOERR
  }
}
