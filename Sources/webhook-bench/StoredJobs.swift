/// The jobs that reads find: posted like any others, on many connections at once, so that many share a commit. Their ids do
/// not depend on the run's seed, so that a database that is kept serves again.
struct StoredJobs {
  let count: Int
  private let identifiers: Identifiers
  private let bodyBytes: Int

  private static let seed: UInt64 = 0x53_54_4F_52_45_44
  private static let connections = 256
  /// Deliveries that are prepared and sent at a time; all of them would not fit into memory.
  private static let batch = 20_000

  init(count: Int, bodyBytes: Int, order: Identifiers.Order) {
    self.count = count
    self.bodyBytes = bodyBytes
    identifiers = Identifiers(seed: Self.seed, order: order)
  }

  func id(_ number: Int) -> String { identifiers.job(number) }

  /// Posts all of them, unless the last one is there.
  ///
  /// - Returns: the seconds that it took; nil where there was nothing to do.
  func fill(_ receiver: Receiver, progress: Progress?) throws -> Double? {
    guard try !isThere(count - 1, in: receiver) else { return nil }
    let start = Clock.nanoseconds
    for first in stride(from: 0, to: count, by: Self.batch) {
      let size = min(Self.batch, count - first)
      var recipe = Workload.Recipe(
        deliveries: size, bodyBytes: bodyBytes, seed: Self.seed, order: identifiers.order)
      recipe.firstNumber = first
      let workload = try Workload(recipe, to: receiver.webhooks, signedWith: receiver.secret)
      let lane = Lane(
        "deliveries", to: receiver.webhooks, workload.requests, connections: Self.connections)
      try LoadLoop([lane]).run(seconds: 240)
      guard lane.answered == size, lane.unexpected == 0 else {
        throw Failure("the store cannot be filled: not every delivery was acknowledged", .unavailable)
      }
      progress?.show(
        "filling the store: \(Quantity.grouped(first + size)) of \(Quantity.grouped(count)) jobs, "
          + Quantity.seconds(Clock.seconds(since: start)))
    }
    progress?.clear()
    return Clock.seconds(since: start)
  }

  private func isThere(_ number: Int, in receiver: Receiver) throws -> Bool {
    var requests = RequestArena()
    requests.append(head: try receiver.question("/jobs/\(id(number))"))
    let lane = Lane("jobs", to: try receiver.requireAPI(), requests, connections: 1)
    try LoadLoop([lane]).run(seconds: 30)
    return lane.answers[0] == 200
  }

  /// `reads` jobs, chosen at random.
  func jobRequests(_ reads: Int, of receiver: Receiver, seed: UInt64) throws -> RequestArena {
    var (generator, requests) = (SeededGenerator(seed: seed), RequestArena())
    for _ in 0..<reads { requests.append(head: try receiver.question("/jobs/\(id(generator.below(count)))")) }
    return requests
  }

  /// Pages of 50: the newest, those of a state that nearly all have and of one that none has, those of a model, and those
  /// behind a place chosen at random.
  func listRequests(_ reads: Int, of receiver: Receiver, seed: UInt64) throws -> RequestArena {
    var (generator, requests) = (SeededGenerator(seed: seed), RequestArena())
    for read in 0..<reads {
      let query =
        switch read % 5 {
        case 0: "limit=50"
        case 1: "state=succeeded&limit=50"
        case 2: "state=failed&limit=50"
        case 3: "model=black-forest-labs/flux-schnell&limit=50"
        default: "after=\(1 + generator.below(count))&limit=50"
        }
      requests.append(head: try receiver.question("/jobs?\(query)"))
    }
    return requests
  }
}
