internal import FileResponses
internal import JobRequests
package import JobsAPI
package import Ledger
package import Observability
package import Routing
package import Settings
package import Tables
package import Work

/// The capability that keeps the files of outputs: in a folder or a bucket.
///
/// A transaction hook queues the files of an output with the job's end, and a service fetches and stores them.
/// It is off unless `ARCHIVE` is set.
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

  /// Also where it is off: files of jobs that are deleted go with them.
  package var hook: (any TransactionHook)? {
    ArchiveHook(mode: isOn ? configuration.mode : .off, sources: configuration.sources, isOn: isOn)
  }

  /// Also where it is off: a job waits for its files until ARCHIVE is set again, or RETENTION ends.
  package var workKinds: [WorkKind] { isOn ? ArchiveWork.kinds : [] }

  package var metrics: [any MetricFamily] { isOn ? runtime.metrics.families : [] }

  package var keepsFiles: Bool { isOn }

  package var jobMembers: (any JobMembers)? { isOn ? ArchiveMembers(runtime: runtime) : nil }

  package func routes(_ api: APIContext) -> [Route] {
    isOn
      ? ArchiveEndpoint(api, runtime).routes + FilesEndpoint(api, runtime, readers: readers).routes : []
  }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    nil
  }
}
