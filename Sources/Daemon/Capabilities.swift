internal import JobDeletion
internal import JobsAPI
internal import Ledger
internal import Settings
internal import UsageSums

/// What this daemon does beyond the ledger: removing a room and its lines here removes a capability.
enum Capabilities {
  static let all: [any Capability.Type] = [
    UsageSums.self,
    JobDeletion.self,
  ]

  static var settings: [SettingVariable] { all.flatMap { $0.settings } }
  static var tables: [TableDeclaration] { all.flatMap { $0.tables } }
}
