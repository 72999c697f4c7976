internal import Time

/// The states of all receivers that matter now.
struct Receivers {
  /// The maximum of tries in flight, one a thread of the client.
  static let maxInFlight = 16
  /// The maximum of known receivers without a try in flight.
  private static let maxKnown = 1024

  private var states: [String: ReceiverState] = [:]
  private(set) var inFlight = 0

  var room: Int { Self.maxInFlight - inFlight }
  var count: Int { states.count }
  var probed: Int { states.values.count(where: \.isProbed) }

  func room(of receiver: String, at now: MonotonicTime) -> Int {
    (states[receiver] ?? ReceiverState()).room(at: now)
  }

  /// When the next receiver may be probed.
  func nextProbe(after now: MonotonicTime) -> MonotonicTime? {
    states.values.compactMap(\.nextProbe).filter { now < $0 }.min()
  }

  func nextProbe(of receiver: String?) -> MonotonicTime? { receiver.flatMap { states[$0]?.nextProbe } }

  mutating func noteStart(_ receiver: String) {
    inFlight += 1
    states[receiver, default: ReceiverState()].noteStart()
  }

  mutating func noteEnd<Change>(_ receiver: String, _ change: (inout ReceiverState) -> Change) -> Change {
    inFlight -= 1
    var state = states[receiver] ?? ReceiverState()
    let result = change(&state)
    states[receiver] = state.isForgettable ? nil : state
    // Jobs may name ever more receivers that fail. A forgotten one is tried as a new one is.
    if states.count > Self.maxKnown, let idle = states.first(where: { $0.value.inFlight == 0 })?.key {
      states[idle] = nil
    }
    return result
  }
}
