internal import JobsAPI
package import Observability
package import Settings
internal import Time

/// The capability that reports what the process and its database take from the machine.
///
/// Everything is read when `/metrics` is, so that it costs nothing otherwise.
package struct ProcessMetrics: Capability {
  private let databasePath: String?
  /// Unix time. Kept, because the kernel's own answer moves when the clock is set.
  private let startTime: Int64

  package init(from reader: inout SettingsReader) {
    databasePath = DatabaseFile.path(from: &reader)
    startTime = WallClock.milliseconds / 1000
  }

  package var metrics: [any MetricFamily] {
    Self.families(of: ProcessFiles(), since: startTime) + (databasePath.map(DatabaseFile.families) ?? [])
  }

  /// The names and meanings that all Prometheus clients share.
  ///
  /// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
  static func families(of process: ProcessFiles, since startTime: Int64) -> [any MetricFamily] {
    [
      ComputedCounter(
        "process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds."
      ) { process.usage?.processorSeconds },
      ComputedGauge("process_resident_memory_bytes", help: "Resident memory size in bytes.") {
        process.usage?.residentBytes
      },
      ComputedGauge("process_virtual_memory_bytes", help: "Virtual memory size in bytes.") {
        process.usage?.virtualBytes
      },
      ComputedGauge("process_open_fds", help: "Number of open file descriptors.") {
        process.openDescriptors
      },
      ComputedGauge("process_max_fds", help: "Maximum number of open file descriptors.") {
        ProcessFiles.maxDescriptors
      },
      ComputedGauge("process_threads", help: "Number of OS threads in the process.") {
        process.usage?.threads
      },
      ComputedGauge(
        "process_start_time_seconds", help: "Start time of the process since unix epoch in seconds."
      ) { Int(startTime) },
    ]
  }
}
