import StandardWebhooks

/// Signed deliveries prepared in memory, with their sending order.
///
/// The same recipe gives the same deliveries, except for timestamps and therefore signatures.
struct Workload {
  struct Recipe {
    var deliveries: Int
    /// Size of the largest body.
    var bodyBytes: Int
    /// Size from which the bodies of a job grow.
    var smallestBodyBytes = 0
    var seed: UInt64
    var order = Identifiers.Order.random
    /// The number of deliveries per job; above 1 the jobs are interleaved.
    var deliveriesPerJob = 1...1
    /// Percentage of sends that repeat an earlier delivery.
    var duplicatePercent = 0
    /// Percentage of deliveries with an invalid signature.
    var badSignaturePercent = 0
    /// Whether each request has `Connection: close`.
    var closesConnections = false
    /// Maximum number of jobs. If `deliveries` matches it, every job reaches its end.
    var jobs = Int.max
    /// Jobs whose deliveries are interleaved.
    var maxOpenJobs = 500
    /// Whether each body's seed is its delivery's number, rather than its job's.
    var seedsAreDeliveries = false
    /// The number of the first job; batches fill a large store.
    var firstJob = 0
    /// The number of the first delivery.
    var firstDelivery = 0

    fileprivate func size(of index: Int, of count: Int) -> Int {
      smallestBodyBytes + (bodyBytes - smallestBodyBytes) * (index + 1) / count
    }
  }

  /// The facts about a delivery that verification needs.
  struct Delivery: Equatable {
    let job: Int
    let status: PredictionBody.Status
    let isSigned: Bool
  }

  let requests: RequestArena
  let deliveries: [Delivery]
  /// Numbers of deliveries in sending order, repeats included.
  let sends: [UInt32]
  let jobCount: Int
  let identifiers: Identifiers
  private let firstJob: Int
  private let firstDelivery: Int

  /// - Throws: if OpenSSL cannot sign.
  init(_ recipe: Recipe, to endpoint: Endpoint, signedWith secret: Secret) throws {
    var generator = SeededGenerator(seed: recipe.seed)
    let schedule = Schedule(recipe, &generator)
    (sends, jobCount) = (schedule.sends, schedule.jobCount)
    (firstJob, firstDelivery) = (recipe.firstJob, recipe.firstDelivery)
    identifiers = Identifiers(seed: recipe.seed, order: recipe.order)
    let bodies = PredictionBody(maxBytes: recipe.bodyBytes, now: Clock.wallSeconds)
    let timestamp = String(Clock.wallSeconds)
    var requests = RequestArena()
    requests.reserve(
      bytes: schedule.steps.count * (recipe.bodyBytes + 400), requests: schedule.steps.count)
    var deliveries: [Delivery] = []
    deliveries.reserveCapacity(schedule.steps.count)
    for (number, step) in schedule.steps.enumerated() {
      let isSigned = generator.below(100) >= recipe.badSignaturePercent
      let body = bodies.make(
        id: identifiers.job(firstJob + step.job), status: step.status,
        size: recipe.size(of: step.index, of: step.count),
        seed: recipe.seedsAreDeliveries ? number : firstJob + step.job)
      let id = identifiers.delivery(firstDelivery + number)
      // A well-formed signature, made over another id.
      let signed = isSigned ? id : id + "x"
      guard let signature = Signer.sign(id: signed, timestamp: timestamp, body: body.span, with: secret)
      else {
        throw Failure("OpenSSL offers no HMAC-SHA256", .system)
      }
      requests.append(
        head: """
          POST \(endpoint.path) HTTP/1.1\r\nHost: \(endpoint.hostField)\r
          User-Agent: Replicate-Webhooks/1.0\r\nContent-Type: application/json\r
          Content-Length: \(body.count)\r\nwebhook-id: \(id)\r\nwebhook-timestamp: \(timestamp)\r
          webhook-signature: \(signature)\r\n\(recipe.closesConnections ? "Connection: close\r\n" : "")\r\n
          """, body: body)
      deliveries.append(Delivery(job: step.job, status: step.status, isSigned: isSigned))
    }
    self.requests = requests
    self.deliveries = deliveries
  }

  func jobID(_ job: Int) -> String { identifiers.job(firstJob + job) }
  func deliveryID(_ delivery: Int) -> String { identifiers.delivery(firstDelivery + delivery) }
}

/// Assigns deliveries to jobs, and sends to deliveries.
private struct Schedule {
  struct Step {
    let job: Int
    /// The index among the job's deliveries, from 0.
    let index: Int
    let count: Int
    let status: PredictionBody.Status
  }

  private(set) var steps: [Step] = []
  private(set) var sends: [UInt32] = []
  private(set) var jobCount = 0

  /// Minimum number of sends between a delivery and its repeat.
  ///
  /// By then the delivery has most likely got its response.
  private static let minRepeatDistance = 1000

  init(_ recipe: Workload.Recipe, _ generator: inout SeededGenerator) {
    // A job gets its number with its first delivery, so that every number has a delivery.
    var open: [(job: Int?, next: Int, count: Int)] = []
    steps.reserveCapacity(recipe.deliveries)
    sends.reserveCapacity(recipe.deliveries)
    var opened = 0
    while sends.count < recipe.deliveries, !open.isEmpty || opened < recipe.jobs {
      if recipe.duplicatePercent > 0, generator.below(100) < recipe.duplicatePercent,
        let earlier = earlier(&generator)
      {
        sends.append(earlier)
        continue
      }
      let maxOpen = recipe.deliveriesPerJob.upperBound == 1 ? 1 : recipe.maxOpenJobs
      while open.count < maxOpen, opened < recipe.jobs {
        let spread = recipe.deliveriesPerJob.count
        open.append((nil, 0, recipe.deliveriesPerJob.lowerBound + generator.below(spread)))
        opened += 1
      }
      let chosen = open.count == 1 ? 0 : generator.below(open.count)
      let (job, index, count) = (open[chosen].job ?? jobCount, open[chosen].next, open[chosen].count)
      if index == 0 { jobCount += 1 }
      open[chosen].job = job
      steps.append(
        Step(job: job, index: index, count: count, status: Self.status(index, of: count, &generator)))
      sends.append(UInt32(steps.count - 1))
      open[chosen].next += 1
      if open[chosen].next == count { open.swapAt(chosen, open.count - 1); open.removeLast() }
    }
  }

  private func earlier(_ generator: inout SeededGenerator) -> UInt32? {
    let distance = min(Self.minRepeatDistance, sends.count / 2)
    return distance > 0 ? sends[generator.below(sends.count - distance)] : nil
  }

  /// The status of a delivery.
  ///
  /// Most predictions succeed; those of jobs with one delivery always do.
  private static func status(
    _ index: Int, of count: Int, _ generator: inout SeededGenerator
  ) -> PredictionBody.Status {
    guard count > 1 else { return .succeeded }
    guard index < count - 1 else {
      let draw = generator.below(100)
      return draw < 85 ? .succeeded : draw < 95 ? .failed : .canceled
    }
    return index == 0 ? .starting : .processing
  }
}
