/// Why a store could not read or write, classified by what the caller can do.
///
/// Each case has a text that names the cause and the remedy.
package enum StorageError: Error, Equatable, Sendable {
  /// The store cannot be reached or locked, or takes no writes now.
  case unavailable(String)
  /// No space is left.
  case full(String)
  /// The device reports an I/O error.
  case device(String)
  /// Another writer was first: the same commands may succeed when committed again.
  case conflict(String)
  /// Stored data is damaged, or holds values that this program never writes.
  case corrupt(String)
  /// The store has the schema of another version or program.
  case schema(String)
  /// The store rejects this write alone.
  case rejected(String)

  /// The error where too many writes wait for their commit.
  package static var overloaded: StorageError { .unavailable("too many writes wait for their commit") }

  /// Whether the whole store cannot write.
  ///
  /// Committing a batch in parts would fail too.
  package var concernsWholeStore: Bool {
    switch self {
    case .unavailable, .full, .device, .schema: true
    case .conflict, .corrupt, .rejected: false
    }
  }

  /// Whether recovery must be proven by writing as much as failed.
  ///
  /// After these errors one writable page proves nothing: there may be no space for more, or the next sector
  /// may be bad.
  package var needsDryRun: Bool {
    switch self {
    case .full, .device, .corrupt: true
    case .unavailable, .conflict, .schema, .rejected: false
    }
  }
}

extension StorageError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unavailable(let text), .full(let text), .device(let text), .conflict(let text): text
    case .corrupt(let text), .schema(let text), .rejected(let text): text
    }
  }
}
