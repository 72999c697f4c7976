/// The status that a delivery of the proofs reports.
package enum Report: UInt8, CaseIterable, Sendable {
  case starting
  case processing
  case succeeded
  case failed
  case canceled

  static let ends: [Report] = [.succeeded, .failed, .canceled]

  /// Progress; all ends rank alike.
  var rank: Int { min(Int(rawValue), 2) }

  /// The provider's status.
  var text: String { "\(self)" }

  /// The jobs API's state.
  var state: String {
    switch self {
    case .starting: "pending"
    case .processing: "running"
    case .succeeded, .failed, .canceled: text
    }
  }
}
