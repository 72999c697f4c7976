internal import Archive
internal import BodyRetention
internal import Callbacks
internal import EventStreams
internal import JobCounts
internal import JobDeletion
internal import ReadTokens
internal import RefusedDeliveries
internal import JobsAPI
internal import JobsPage
internal import ProcessMetrics
internal import StoreSeam
internal import Tables
internal import Settings
internal import UsageSums
internal import Workflows

/// What this daemon does beyond the ledger: removing a room and its lines here removes a capability.
enum Capabilities {
  static let all: [any Capability.Type] = [
    EventStreams.self,
    ReadTokens.self,
    UsageSums.self,
    Callbacks.self,
    JobDeletion.self,
    BodyRetention.self,
    JobsPage.self,
    JobCounts.self,
    Archive.self,
    Workflows.self,
    ProcessMetrics.self,
    RefusedDeliveries.self,
  ]

  static var settings: [SettingVariable] { all.flatMap { $0.settings } }
  static var keys: [String] { all.flatMap { $0.keys } }
  static var tables: [TableDeclaration] { all.flatMap { $0.tables } }
}
