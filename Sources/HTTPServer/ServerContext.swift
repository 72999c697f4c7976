internal import EventLoop
internal import HTTPWire

/// What the connections of one server share. Touched on the server's loop only.
final class ServerContext {
  let loop: EventLoop
  let limits: ServerLimits
  let handler: any RequestHandler
  private(set) var phase = Phase.serving
  private(set) var connectionCount = 0
  private var idle: [ObjectIdentifier: Waiter] = [:]
  private var busy: [ObjectIdentifier: Waiter] = [:]
  private var date: (second: Int64, text: [UInt8]) = (.min, [])

  enum Phase {
    case serving
    /// No new requests; those that were received whole are answered.
    case draining
    /// The grace is over: every wait ends at once.
    case aborting
  }

  init(loop: EventLoop, limits: ServerLimits, handler: any RequestHandler) {
    self.loop = loop
    self.limits = limits
    self.handler = handler
  }

  /// The `Date` field's value, made once a second.
  var dateField: [UInt8] {
    let milliseconds = loop.kernel.wallTimeMilliseconds
    let second = milliseconds >= 0 ? milliseconds / 1000 : 0
    if second != date.second { date = (second, IMFFixdate.format(unixSeconds: second)) }
    return date.text
  }

  func opened(_ place: Waiter) {
    connectionCount += 1
    busy[ObjectIdentifier(place)] = place
  }

  func closed(_ place: Waiter) {
    connectionCount -= 1
    idle[ObjectIdentifier(place)] = nil
    busy[ObjectIdentifier(place)] = nil
  }

  /// The connection at `place` waits for a request of which nothing has come: draining may close it.
  func becameIdle(_ place: Waiter) {
    busy[ObjectIdentifier(place)] = nil
    idle[ObjectIdentifier(place)] = place
  }

  func becameBusy(_ place: Waiter) {
    idle[ObjectIdentifier(place)] = nil
    busy[ObjectIdentifier(place)] = place
  }

  func drain() {
    guard phase == .serving else { return }
    phase = .draining
    for place in idle.values { loop.interrupt(place) }
  }

  func abort() {
    phase = .aborting
    for place in idle.values { loop.interrupt(place) }
    for place in busy.values { loop.interrupt(place) }
  }
}
