internal import Simulation

/// The order in which deliveries are sent, decided by a seed.
///
/// Lives of 2 to 20 events are interleaved, neighbours may be out of order, and three of ten sends repeat an
/// earlier one.
struct Schedule {
  private static let livesAtOnce = 64
  private static let repeatPercent = 30
  /// How many recent events a repeat is chosen from.
  private static let memory = 256

  private var generator: SeededGenerator
  /// The unsent events of each life.
  private var lives: [ArraySlice<Event>] = []
  private var recent: [Event] = []
  /// The index in `recent` that is overwritten next.
  private var oldest = 0
  private var begun: [[Report]] = []
  private var jobCount = 0

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func next() -> Event {
    if let event = recent.randomElement(using: &generator),
      Int.random(in: 0..<100, using: &generator) < Self.repeatPercent
    {
      return event
    }
    let slot = Int.random(in: 0..<Self.livesAtOnce, using: &generator)
    if slot >= lives.count { lives.append(life()) }
    let index = min(slot, lives.count - 1)
    let event = lives[index].removeFirst()
    if lives[index].isEmpty { lives[index] = life() }
    remember(event)
    return event
  }

  /// The reports, by step, of lives begun since the last call.
  mutating func takeBegun() -> [[Report]] {
    defer { begun.removeAll() }
    return begun
  }

  private mutating func remember(_ event: Event) {
    guard recent.count == Self.memory else { return recent.append(event) }
    recent[oldest] = event
    oldest = (oldest + 1) % Self.memory
  }

  private mutating func life() -> ArraySlice<Event> {
    let length = Int.random(in: 2...20, using: &generator)
    var reports = [Report.starting] + Array(repeating: .processing, count: length - 2)
    reports.append(Report.ends.randomElement(using: &generator) ?? .succeeded)
    // A cancellation that arrives after the end.
    if generator.happens(onceIn: 20), length < 20 { reports.append(.canceled) }
    defer { jobCount += 1 }
    begun.append(reports)
    var events = reports.enumerated().map { Event(job: jobCount, step: $0, report: $1) }
    for index in events.indices.dropFirst() where generator.happens(onceIn: 5) {
      events.swapAt(index, max(0, index - Int.random(in: 1...4, using: &generator)))
    }
    return events[...]
  }
}
