internal import KeptFiles
internal import Observability

/// The metrics of the files that are kept.
struct ArchiveMetrics: Sendable {
  let files = LabeledCounter(
    "replicate_webhookd_archive_files_total",
    help: "Files that this daemon has stored, given up, or deleted from the store.", label: "state",
    values: ArchiveResult.allCases)
  let bytes = Counter(
    "replicate_webhookd_archive_bytes_total", help: "Size of the files that this daemon has stored.")
  let waiting = Gauge(
    "replicate_webhookd_archive_waiting", help: "Files that are to be fetched or stored.")
  let spoolBytes = Gauge(
    "replicate_webhookd_archive_spool_bytes", help: "Size of the files that wait in this daemon's spool.")
  let nearestExpiry = Gauge(
    "replicate_webhookd_archive_nearest_expiry_seconds",
    help: "Time until the source may delete a file that was not fetched; 3600 where none waits.")
  let failures = LabeledCounter(
    "replicate_webhookd_archive_failed_total",
    help: "Tries to fetch or store a file that failed, by the code.",
    label: "code", values: ArchiveCode.allCases)
  let paused = LabeledGauge(
    "replicate_webhookd_archive_paused", help: "1 where nothing is stored because of the store, by the code.",
    label: "reason", values: ArchiveCode.pausing)
  let fetchLatency = DurationHistogram(
    "replicate_webhookd_archive_fetch_seconds", help: "Time that a file took to be fetched.")
  let storeLatency = DurationHistogram(
    "replicate_webhookd_archive_store_seconds", help: "Time that a file took to be stored.")

  var families: [any MetricFamily] {
    [
      files, bytes, waiting, spoolBytes, nearestExpiry, failures, paused, fetchLatency, storeLatency,
    ]
  }
}

/// The end of a file's way.
enum ArchiveResult: String, CaseIterable, Sendable {
  case stored
  case failed
  case deleted
}
