internal import FileResponses
internal import JobRequests
package import JobsAPI
internal import KeptFiles
package import Ledger
package import Observability
package import Routing
package import Settings
package import Tables
package import Work

/// The capability that keeps the files of outputs: in a folder or a bucket.
///
/// A transaction hook queues the files of an output with the job's end, and a service fetches and stores
/// them. It is off unless `ARCHIVE` is set.
package struct Archive: Capability {
  package static var settings: [SettingVariable] { ArchiveSettings.variables }
  package static var tables: [TableDeclaration] { ArchiveTables.all }

  let configuration: ArchiveSettings
  let runtime: ArchiveRuntime
  /// Shared by the listeners.
  private let readers = FileReaders(named: "archive-read")

  package init(from reader: inout SettingsReader) {
    configuration = ArchiveSettings(from: &reader)
    runtime = ArchiveRuntime(configuration)
  }

  var isOn: Bool { configuration.place != nil }

  package var keepsFiles: Bool { isOn }

  /// Also where it is off: files of jobs that are deleted go with them.
  package var hook: (any TransactionHook)? {
    ArchiveHook(mode: configuration.mode, sources: configuration.sources, isOn: isOn)
  }

  package var endGate: (any EndGate)? { isOn ? ArchiveGate(mode: configuration.mode) : nil }

  package var workKinds: [WorkKind] { isOn ? ArchiveWork.kinds : [] }

  package var metrics: [any MetricFamily] { isOn ? runtime.metrics.families : [] }

  package var keptCopies: (any KeptCopies)? { isOn ? ArchiveCopies(runtime: runtime) : nil }

  package var fileSources: [String] { configuration.redirectSources }

  package var jobMembers: (any JobMembers)? { isOn ? ArchiveMembers(runtime: runtime) : nil }

  package func routes(_ api: APIContext) -> [Route] {
    isOn
      ? ArchiveEndpoint(api, runtime).routes + FilesEndpoint(api, runtime, readers: readers).routes : []
  }

  package func check() -> [String] { configuration.check().map { [$0] } ?? [] }

  package func reload() { if isOn { runtime.reload() } }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    guard isOn else { return nil }
    return try Archivist(
      loop: context.loop, queue: context.queue, feed: context.changes, reader: try context.openReader(),
      runtime: runtime, logger: context.logger)
  }
}
