internal import Simulation

/// The order in which deliveries are sent: lives of 2 to 20 events, many of them at a time, neighbours out of order, and
/// three of ten sends repeat an earlier one. A seed decides it.
struct Schedule {
  private static let livesAtOnce = 64
  private static let repeatPercent = 30
  /// Of so many last events one is repeated.
  private static let memory = 256

  private var generator: SeededGenerator
  /// The events of each life that were never sent.
  private var lives: [ArraySlice<Event>] = []
  private var recent: [Event] = []
  /// Where the next one is written.
  private var oldest = 0
  private var begun: [[Word]] = []
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
    let place = Int.random(in: 0..<Self.livesAtOnce, using: &generator)
    if place >= lives.count { lives.append(life()) }
    let index = min(place, lives.count - 1)
    let event = lives[index].removeFirst()
    if lives[index].isEmpty { lives[index] = life() }
    remember(event)
    return event
  }

  /// The words, by their steps, of the lives that have begun since this was last asked.
  mutating func takeBegun() -> [[Word]] {
    defer { begun.removeAll() }
    return begun
  }

  mutating func random(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }

  private mutating func remember(_ event: Event) {
    guard recent.count == Self.memory else { return recent.append(event) }
    recent[oldest] = event
    oldest = (oldest + 1) % Self.memory
  }

  private mutating func life() -> ArraySlice<Event> {
    let length = Int.random(in: 2...20, using: &generator)
    var words = [Word.starting] + Array(repeating: .processing, count: length - 2)
    words.append(Word.ends.randomElement(using: &generator) ?? .succeeded)
    // A cancellation that crosses the end.
    if generator.happens(onceIn: 20), length < 20 { words.append(.canceled) }
    defer { jobCount += 1 }
    begun.append(words)
    var events = words.enumerated().map { Event(job: jobCount, step: $0, word: $1) }
    for index in events.indices.dropFirst() where generator.happens(onceIn: 5) {
      events.swapAt(index, max(0, index - Int.random(in: 1...4, using: &generator)))
    }
    return events[...]
  }
}
