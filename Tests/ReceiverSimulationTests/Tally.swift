/// How much has happened: worlds in which nothing does would show nothing.
struct Tally: Equatable {
  var acknowledgements = 0
  var duplicates = 0
  /// Deliveries that were answered 503.
  var refusals = 0
  /// Requests that came whole and got no answer.
  var silences = 0
  /// Jobs that were shown.
  var sights = 0
  /// Ends of the process in the middle of anything, with its disk or while it works.
  var deaths = 0
  var diskDeaths = 0
  var powerCuts = 0
  var orderlyEnds = 0
  /// The store could not be opened.
  var failedStarts = 0

  static func + (left: Tally, right: Tally) -> Tally {
    var sum = left
    for number in numbers { sum[keyPath: number] += right[keyPath: number] }
    return sum
  }

  /// Every count by its name.
  var counts: [(name: String, count: Int)] {
    zip(Self.names, Self.numbers).map { ($0, self[keyPath: $1]) }
  }

  private static let names = [
    "acknowledgements", "duplicates", "refusals", "silences", "sights", "deaths", "disk deaths", "power cuts",
    "orderly ends", "failed starts",
  ]
  private static var numbers: [WritableKeyPath<Tally, Int>] {
    [
      \.acknowledgements, \.duplicates, \.refusals, \.silences, \.sights, \.deaths, \.diskDeaths,
      \.powerCuts, \.orderlyEnds, \.failedStarts,
    ]
  }
}
