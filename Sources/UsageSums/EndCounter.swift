internal import Jobs
internal import Observability
internal import StoreSeam
internal import Synchronization

/// Counts ends by state, code and model.
///
/// The models come from apps and from the provider, so the number of series is bounded.
final class EndCounter: MetricFamily {
  /// The labels of one number.
  struct Series: Hashable, Sendable {
    /// Empty where it is not known.
    var model: String
    let phase: Phase
    /// The code of the error. Empty for a success.
    let code: String

    init(model: String, phase: Phase, code: String) {
      (self.model, self.phase, self.code) = (model, phase, code)
    }

    init(of version: JobVersion) {
      self.init(
        model: version.job.model ?? "", phase: version.job.phase, code: Self.code(of: version))
    }

    /// Whether the job's end counts here.
    func matches(_ version: JobVersion) -> Bool {
      version.job.phase == phase && (version.job.model ?? "") == model && Self.code(of: version) == code
    }

    private static func code(of version: JobVersion) -> String {
      version.job.phase == .succeeded ? "" : version.job.error?.code ?? ""
    }
  }

  let name = "replicate_webhookd_job_ends_total"
  let help = "Ended jobs by state, code of the error, and model."
  let type = MetricType.counter

  /// Models beyond this number, in the order of their first ends, are counted as ``UsageTable/otherModels``.
  static let maxModels = 100
  /// With this many series, a further one is counted by its state alone.
  static let maxSeries = 1000

  private struct State {
    var counts: [Series: Int] = [:]
    var models: Set<String> = []
  }

  private let state: Mutex<State>

  init() {
    // The ends of known states exist from the first scrape.
    let ends = [Phase.succeeded, .failed, .canceled].map { Series(model: "", phase: $0, code: "") }
    state = Mutex(State(counts: Dictionary(uniqueKeysWithValues: ends.map { ($0, 0) }), models: [""]))
  }

  func add(_ count: Int, to series: Series) {
    state.withLock { state in
      if state.counts[series] != nil {
        state.counts[series]? += count
      } else {
        state.counts[Self.bounded(series, in: &state), default: 0] += count
      }
    }
  }

  /// The series that a new one is counted as.
  private static func bounded(_ series: Series, in state: inout State) -> Series {
    let other = UsageTable.otherModels
    guard state.counts.count < maxSeries else {
      return Series(model: other, phase: series.phase, code: other)
    }
    let isKnown = state.models.contains(series.model)
    let hasRoom = state.models.count < maxModels && series.model.utf8.count <= UsageTable.maxModelNameBytes
    guard isKnown || hasRoom else { return Series(model: other, phase: series.phase, code: series.code) }
    state.models.insert(series.model)
    return series
  }

  var samples: [MetricSample] {
    let counts = state.withLock(\.counts)
    let order = { (series: Series) in (series.model, series.phase.rawValue, series.code) }
    return counts.sorted { order($0.key) < order($1.key) }.map { series, count in
      MetricSample(
        labels: [("model", series.model), ("state", series.phase.rawValue), ("code", series.code)],
        value: String(count))
    }
  }
}
