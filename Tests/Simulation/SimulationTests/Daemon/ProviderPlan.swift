import Simulation

/// How the simulated provider behaves, as a seed decides.
struct ProviderPlan {
  /// One of so many calls has a ``CallFault``; 0: none.
  var faultsOnceIn = 0
  /// Calls may arrive up to 50 seconds late, and after their client has given up.
  ///
  /// Without them every call takes effect at once, so that the daemon's wall clock may be stepped meanwhile.
  var isSlow = false
  /// For how many milliseconds a new prediction is not listed.
  var listLag: Int64 = 0
  var pageSize = 100
  var showsWebhooksInLists = true
  /// Not even the document of one prediction shows its webhook.
  var hidesWebhooks = false
  /// The share of deliveries that are lost, in per cent.
  var lostDeliveries = 0
  /// One of so many deliveries is sent twice; 0: none.
  var repeatsOnceIn = 0
  /// The maximum delay of a delivery, by which deliveries change places.
  var maxDeliveryDelay = 100
  /// How long after its end a prediction's content is erased.
  var erasureDelay: Int64 = 3_600_000
  /// The maximum duration of a prediction in milliseconds.
  var maxDuration = 60_000
  /// One of so many predictions is deleted; 0: none.
  var deletesOnceIn = 0
  /// When the signing secret is rotated; nil: never.
  var rotation: Int?
  /// When and how the provider fails altogether.
  var outages: [Outage] = []

  struct Outage {
    enum Kind: CaseIterable {
      /// No connection is accepted.
      case unreachable
      /// Every call is answered 401.
      case rejectsToken
      /// Every call is answered 404, as by a wrong address.
      case forgets
      case throttles
      /// A proxy answers every call with a page.
      case proxyPage
      /// A gateway answers 502, and some calls take effect.
      case badGateway
    }

    let kind: Kind
    /// Milliseconds.
    let span: Range<Int>
  }

  /// Nothing fails.
  init() {}

  /// - Parameters:
  ///   - span: the time within which everything fails, in milliseconds.
  ///   - isSlow: whether calls may be late.
  init(span: Int, isSlow: Bool, _ random: inout SeededGenerator) {
    faultsOnceIn = random.happens(onceIn: 4) ? 0 : Int.random(in: 2...10, using: &random)
    self.isSlow = isSlow
    listLag = isSlow ? Int64.random(in: 0...4000, using: &random) : 0
    pageSize = [1, 3, 100].randomElement(using: &random) ?? 100
    showsWebhooksInLists = Bool.random(using: &random)
    hidesWebhooks = random.happens(onceIn: 10)
    lostDeliveries = [0, 20, 50, 100].randomElement(using: &random) ?? 0
    repeatsOnceIn = Bool.random(using: &random) ? 0 : Int.random(in: 2...5, using: &random)
    maxDeliveryDelay = [100, 3000, 20_000].randomElement(using: &random) ?? 100
    if random.happens(onceIn: 6) { erasureDelay = Int64.random(in: 0...90_000, using: &random) }
    maxDuration = [2000, 20_000, 120_000].randomElement(using: &random) ?? 20_000
    if random.happens(onceIn: 6) { deletesOnceIn = 3 }
    if random.happens(onceIn: 4) { rotation = Int.random(in: 0...span, using: &random) }
    guard Bool.random(using: &random) else { return }
    var kinds = Outage.Kind.allCases.shuffled(using: &random)
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      guard let kind = kinds.popLast() else { continue }
      let start = Int.random(in: 0...span / 2, using: &random)
      // A hundred seconds are too short to believe a 404.
      let end = start + Int.random(in: 1000...min(span / 2, 100_000), using: &random)
      outages.append(Outage(kind: kind, span: start..<end))
    }
  }
}

/// A fault of one call to the provider.
enum CallFault: CaseIterable {
  /// The connection is refused.
  case unsent
  /// The request is lost before it arrives.
  case requestLost
  /// The request takes effect, and the answer is lost.
  case answerLost
  /// The client waits for the answer until it times out.
  case answerLate
  case truncated
  /// The answer is about another prediction.
  case foreign
  /// The answer shows an earlier state.
  case outdated
  case page
  case gatewayBefore
  case gatewayAfter
  case explainedBefore
  case explainedAfter
  case throttled
  case forbidden
}
