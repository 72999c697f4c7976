internal import JobsAPI
internal import Ledger
internal import UsageSums

/// What this daemon does beyond the ledger: removing a room and its lines here removes a capability.
enum Capabilities {
  static let all: [any Capability] = [
    UsageSums()
  ]

  static var hooks: [any TransactionHook] { all.compactMap(\.hook) }
  static var tables: [TableDeclaration] { hooks.flatMap(\.tables) }
}
