/// What a token of the API may be used for. Each scope contains the lesser ones.
package enum TokenScope: String, CaseIterable, Comparable, Sendable {
  /// `GET /metrics` alone.
  case metrics
  /// Everything that changes nothing, metrics included.
  case read
  /// Everything.
  case write = "read+write"

  package static func < (left: TokenScope, right: TokenScope) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .metrics: 0
    case .read: 1
    case .write: 2
    }
  }
}
