/// What a delivery of the proofs says of its job.
package enum Word: UInt8, CaseIterable, Sendable {
  case starting
  case processing
  case succeeded
  case failed
  case canceled

  static let ends: [Word] = [.succeeded, .failed, .canceled]

  /// Progress: all ends rank alike.
  var rank: Int { min(Int(rawValue), 2) }
  var isEnd: Bool { rank == 2 }

  /// The provider's word.
  var text: String { "\(self)" }

  /// What the jobs API calls it.
  var state: String {
    switch self {
    case .starting: "pending"
    case .processing: "running"
    case .succeeded, .failed, .canceled: text
    }
  }
}
