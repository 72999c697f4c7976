/// The jobs of a large store, created by deliveries.
///
/// They are posted on many connections, so that many share a group commit. Their ids do not depend on the
/// run's seed, so that a kept database can be reused.
struct StoredJobs {
  let count: Int
  /// Deliveries per job, of growing size; the last ends it.
  let deliveriesPerJob: Int
  private let identifiers: Identifiers
  private let bodyBytes: Int

  private static let seed: UInt64 = 0x53_54_4F_52_45_44
  static let connections = 256
  /// Jobs per batch; all of them would not fit in memory.
  private static let batch = 20_000

  init(count: Int, deliveriesPerJob: Int, bodyBytes: Int, order: Identifiers.Order) {
    self.count = count
    self.deliveriesPerJob = deliveriesPerJob
    self.bodyBytes = bodyBytes
    identifiers = Identifiers(seed: Self.seed, order: order)
  }

  func id(_ number: Int) -> String { identifiers.job(number) }

  /// Posts all jobs, unless the last one exists.
  ///
  /// - Parameter observer: receives every batch with its cost.
  /// - Returns: the seconds it took; nil if there was nothing to do.
  func fill(
    _ receiver: Receiver, progress: Progress?, observer: (FillStep) -> Void = { _ in }
  ) throws -> Double? {
    guard try !exists(count - 1, in: receiver) else { return nil }
    let start = Clock.nanoseconds
    for first in stride(from: 0, to: count, by: Self.batch) {
      let jobs = min(Self.batch, count - first)
      let size = jobs * deliveriesPerJob
      var recipe = Workload.Recipe(
        deliveries: size, bodyBytes: bodyBytes, seed: Self.seed, order: identifiers.order,
        deliveriesPerJob: deliveriesPerJob...deliveriesPerJob, jobs: jobs)
      (recipe.firstJob, recipe.firstDelivery) = (first, first * deliveriesPerJob)
      let workload = try Workload(recipe, to: receiver.webhooks, signedWith: receiver.secret)
      let lane = Lane(
        "deliveries", to: receiver.webhooks, workload.requests, sends: workload.sends,
        connections: Self.connections)
      let measurement = try Measurement.run([lane], on: receiver.process, seconds: 240, progress: nil)
      guard lane.answered == size, lane.unexpected == 0 else {
        throw Failure("the store cannot be filled: not every delivery was acknowledged", .unavailable)
      }
      let done = first + jobs
      observer(FillStep(jobs: done, deliveries: done * deliveriesPerJob, measurement: measurement))
      progress?.show(
        "filling the store: \(Quantity.grouped(done)) of \(Quantity.grouped(count)) jobs, "
          + Quantity.seconds(Clock.seconds(since: start)))
    }
    progress?.clear()
    return Clock.seconds(since: start)
  }

  private func exists(_ number: Int, in receiver: Receiver) throws -> Bool {
    var requests = RequestArena()
    requests.append(head: try receiver.apiRequest("/jobs/\(id(number))"))
    let lane = Lane("jobs", to: try receiver.requireAPI(), requests, connections: 1)
    try LoadLoop([lane]).run(seconds: 30)
    return lane.answers[0] == 200
  }

  /// Requests of `reads` random jobs.
  func jobRequests(_ reads: Int, of receiver: Receiver, seed: UInt64) throws -> RequestArena {
    var (generator, requests) = (SeededGenerator(seed: seed), RequestArena())
    for _ in 0..<reads {
      requests.append(head: try receiver.apiRequest("/jobs/\(id(generator.below(count)))"))
    }
    return requests
  }

  /// Requests of `reads` pages of 50 jobs.
  ///
  /// In turn: the newest; a state that nearly all have; a state that none has; one model; after a random
  /// cursor.
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
      requests.append(head: try receiver.apiRequest("/jobs?\(query)"))
    }
    return requests
  }
}
