internal import Ledger
internal import StoreSeam
internal import StandardWebhooks

/// The secrets that sign: those of the settings, or the store's own.
struct SigningKeys: Sendable {
  static let keyName = "callback_secret"
  private static let keyBytes = 24

  private let given: WebhookSecrets

  /// - Parameter given: empty where the store's own secret signs; may be replaced.
  init(given: WebhookSecrets) {
    self.given = given
  }

  init(configured: [Secret]) { self.init(given: WebhookSecrets(configured)) }

  private var configured: [Secret] { given.current }

  static func fresh(using random: inout some RandomNumberGenerator) -> [UInt8] {
    (0..<keyBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }

  /// - Parameter fresh: becomes the store's own secret where it has none.
  func secrets(
    in transaction: LedgerTransaction, orStoring fresh: [UInt8]
  ) throws(StorageError) -> [Secret] {
    let configured = configured
    guard configured.isEmpty else { return configured }
    return [Secret(keyBytes: try transaction.key(Self.keyName, orStore: fresh))]
  }

  /// The secrets as their user receives them. Empty where the store has none yet.
  func revealed(from reader: any StoreReader) async throws(StorageError) -> [String] {
    let configured = configured
    guard configured.isEmpty else { return configured.map(\.revealed) }
    return try await reader.key(Self.keyName).map { [Secret(keyBytes: $0).revealed] } ?? []
  }
}
