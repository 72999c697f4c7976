internal import EventLoop
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Observability
internal import System
internal import Time

typealias StateGauge = LabeledGauge<JobState>

extension LabeledGauge<JobState> {
  init(_ name: String, help: String) {
    self.init(name, help: help, label: "state", values: JobState.allCases)
  }
}

/// The metrics of stored jobs and of their orders.
struct CountsMetrics: Sendable {
  let jobs = StateGauge(
    "replicate_webhookd_jobs", help: "Stored jobs by state, of the whole store; read each minute.")
  let orders = LabeledGauge(
    "replicate_webhookd_orders",
    help: "Orders of which a step waits or is being done, by stage, of the whole store; read each minute.",
    label: "stage", values: OpenOrders.stages)
  private let oldestOrder = Lock<Timestamp?>(nil)

  /// - Parameter now: the wall clock.
  func families(
    now: @escaping @Sendable () -> Timestamp = { Timestamp(milliseconds: WallClock.milliseconds) }
  ) -> [any MetricFamily] {
    let age = ComputedGauge(
      "replicate_webhookd_orders_oldest_seconds",
      help: "Age of the oldest order whose prediction is not known yet; 0 without one."
    ) {
      oldestOrder.withLock { $0 }.map { max(0, Int((now().milliseconds - $0.milliseconds) / 1000)) } ?? 0
    }
    return [jobs, orders, age]
  }

  func set(_ counts: StateCounts) {
    for state in JobState.allCases { jobs.set(Int(counts[state]), for: state) }
  }

  func set(_ open: OpenOrders) {
    for stage in OpenOrders.stages { orders.set(open.counts[stage] ?? 0, for: stage) }
    oldestOrder.withLock { $0 = open.oldest }
  }
}

/// Reads the counters for the metrics page, which reads nothing from a store.
///
/// So a scrape is answered also while the store does not answer. It then shows the last counts.
actor CountsReport: Service {
  private nonisolated let loop: EventLoop
  private nonisolated let timer: WakeableTimer
  private let reader: any StoreReader
  private let metrics: CountsMetrics

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// As long as the usual intervals of scrapes: an idle daemon wakes up no more often.
  private static let interval = Duration.seconds(60)

  init(loop: EventLoop, reader: sending any StoreReader, metrics: CountsMetrics) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    self.reader = reader
    self.metrics = metrics
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
    if let counts = try? await StateCounts(readFrom: reader) { metrics.set(counts) }
    if let orders = try? await reader.openOrders() { metrics.set(orders) }
  }
}
