internal import EventLoop
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Observability
internal import Time

typealias StateGauge = LabeledGauge<JobState>

extension LabeledGauge<JobState> {
  init(_ name: String, help: String) {
    self.init(name, help: help, label: "state", values: JobState.allCases)
  }
}

/// Reads the counters for the metrics page, which reads nothing from a store.
///
/// So a scrape is answered also while the store does not answer. It then shows the last counts.
actor CountsReport: Service {
  private nonisolated let loop: EventLoop
  private nonisolated let timer: WakeableTimer
  private let reader: any StoreReader
  private let gauge: StateGauge

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// As long as the usual intervals of scrapes: an idle daemon wakes up no more often.
  private static let interval = Duration.seconds(60)

  init(loop: EventLoop, reader: sending any StoreReader, gauge: StateGauge) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    self.reader = reader
    self.gauge = gauge
  }

  func run() async {
    await withTaskCancellationHandler {
      while !Task.isCancelled {
        await report()
        await timer.sleep(until: loop.kernel.monotonicTime + Self.interval)
      }
    } onCancel: {
      timer.wake()
    }
  }

  private func report() async {
    // A read of the API logs why it fails.
    guard let counts = try? await StateCounts(readFrom: reader) else { return }
    for state in JobState.allCases { gauge.set(Int(counts[state]), for: state) }
  }
}
