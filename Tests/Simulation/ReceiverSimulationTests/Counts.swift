/// How often each kind of event occurred. A simulation without events would prove nothing.
struct Counts: Equatable {
  var acknowledgements = 0
  var duplicates = 0
  /// Deliveries answered 503.
  var refusals = 0
  /// Complete requests without an answer.
  var unanswered = 0
  /// Jobs that a reader was shown.
  var observations = 0
  /// Crashes at a turn of the loop or a disk write.
  var crashes = 0
  /// Numbers of streams that came to their ends.
  var streamedNumbers = 0
  var diskCrashes = 0
  var powerCuts = 0
  var cleanShutdowns = 0
  /// Starts at which the store could not be opened.
  var failedStarts = 0

  static func + (left: Counts, right: Counts) -> Counts {
    var sum = left
    for number in numbers { sum[keyPath: number] += right[keyPath: number] }
    return sum
  }

  /// Every count by its name.
  var byName: [(name: String, count: Int)] {
    zip(Self.names, Self.numbers).map { ($0, self[keyPath: $1]) }
  }

  private static let names = [
    "acknowledgements", "duplicates", "refusals", "unanswered", "observations", "crashes", "disk crashes",
    "power cuts",
    "clean shutdowns", "failed starts", "streamed numbers",
  ]
  private static var numbers: [WritableKeyPath<Counts, Int>] {
    [
      \.acknowledgements, \.duplicates, \.refusals, \.unanswered, \.observations, \.crashes, \.diskCrashes,
      \.powerCuts, \.cleanShutdowns, \.failedStarts, \.streamedNumbers,
    ]
  }
}
