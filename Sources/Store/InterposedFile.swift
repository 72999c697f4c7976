internal import CSQLite

/// An open file of SQLite's with methods of ours in place of some of its own, and with what those work on, until SQLite
/// closes it.
///
/// SQLite finds the methods of a file by a pointer, which is made to lead to ours. They lie at the front of what they work
/// on, and find it by the same pointer.
struct InterposedFile<State> {
  private var methods: sqlite3_io_methods
  /// What SQLite called before.
  let original: UnsafePointer<sqlite3_io_methods>
  var state: State

  typealias File = UnsafeMutablePointer<sqlite3_file>

  /// - Parameter change: puts methods in the place of others. They reach the state by ``of(_:)``. Its xClose has to be
  ///   ``close(_:)``, or to call it.
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

  /// SQLite calls a file's methods with that file, whose methods are ours until it is closed.
  static func of(_ file: File?) -> UnsafeMutablePointer<Self> {
    UnsafeMutableRawPointer(mutating: file.unsafelyUnwrapped.pointee.pMethods)
      .assumingMemoryBound(to: Self.self)
  }

  static func close(_ file: File?) -> Int32 {
    let interposed = of(file)
    let original = interposed.pointee.original
    interposed.deinitialize(count: 1)
    interposed.deallocate()
    file?.pointee.pMethods = original
    return original.pointee.xClose?(file) ?? SQLITE_IOERR
  }
}
