import CLinux
import Glibc

/// Sockets beside those of the lanes, on the same thread and epoll instance.
protocol LoopGuest: AnyObject {
  func attach(to epoll: Int32)
  func handle(_ token: UInt64, isWritable: Bool)
  /// Called about every millisecond.
  func tick()
}

extension LoopGuest {
  func tick() {}
}

/// A closed-loop load generator: one thread, one epoll instance, all connections.
///
/// Each connection sends its next request after the response to the last one. Edge-triggered, so that a
/// request costs one send and one receive: nothing is read after a complete response.
final class LoadLoop {
  private enum State {
    case closed
    case connecting
    /// Connected, before the clock starts.
    case ready
    case exchanging
    /// Open and unused until the end.
    case idle
  }

  private struct Slot {
    let lane: Int
    var state = State.closed
    var socket: ClientSocket?
    var reader: ResponseReader
    var send = 0
    var hasRequest = false
    var sent = 0
    var startedAt: UInt64 = 0
    /// The receiver has closed its side, with or without `Connection: close`.
    var isEnding = false
  }

  private let lanes: [Lane]
  /// Other sockets that this loop waits for.
  private let guest: (any LoopGuest)?
  private let epoll: Int32
  private let context: TLSClientContext?
  private var slots: [Slot] = []
  /// Slots that wait for their lane's rate.
  private var paused: [Int] = []
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
  private let events = UnsafeMutablePointer<clinux_event>.allocate(capacity: Int(CLINUX_EVENTS_PER_WAIT))
  private var isRunning = false
  private var isOpen = false
  private var connecting = 0
  /// Slots of unfinished foreground lanes.
  private var activeSlots = 0
  /// Connections lost without a response since the last response.
  private var consecutiveFailures = 0
  private(set) var startedAt: UInt64 = 0
  private var lastAnswerAt: UInt64 = 0

  /// Time without any response after which the run ends. Request timeouts are shorter.
  private static let maxSilenceSeconds = 30.0
  /// Maximum connections being established at a time.
  ///
  /// More would overflow the receiver's backlog, and the kernel retries only after a second.
  private static let maxConcurrentConnects = 256
  private static let connectTimeoutSeconds = 30.0
  /// The tokens of a guest's sockets begin here.
  static let firstGuestToken: UInt64 = 1 << 32

  init(_ lanes: [Lane], with guest: (any LoopGuest)? = nil) throws {
    self.lanes = lanes
    self.guest = guest
    epoll = clinux_epoll_create()
    guard epoll >= 0 else { throw Failure("epoll_create1: errno \(-epoll)", .system) }
    context = lanes.contains { $0.endpoint.isTLS } ? try TLSClientContext() : nil
    for (index, lane) in lanes.enumerated() {
      for _ in 0..<lane.connections {
        slots.append(Slot(lane: index, reader: ResponseReader(keepsBody: lane.observer != nil)))
      }
    }
  }

  /// Closes the connections first.
  deinit {
    slots.removeAll()
    close(epoll)
    scratch.deallocate()
    events.deallocate()
  }

  /// Sends until every foreground lane is done or `seconds` have passed.
  ///
  /// Opens keep-alive connections first, unless they are open. Ends early if no more responses arrive.
  ///
  /// - Throws: ``Failure`` if the receiver does not answer, or after an interruption.
  func run(seconds: Double, progress: Progress? = nil) throws {
    try openKeepAliveConnections()
    isRunning = true
    activeSlots = slots.count { !lanes[$0.lane].isBackground }
    startedAt = Clock.nanoseconds
    lastAnswerAt = startedAt
    for index in slots.indices where slots[index].state == .ready { next(index) }
    var pending = slots.indices.filter { slots[$0].state == .closed }[...]
    while activeSlots > 0, Clock.seconds(since: startedAt) < seconds,
      Clock.seconds(since: lastAnswerAt) < Self.maxSilenceSeconds
    {
      while connecting < Self.maxConcurrentConnects, let index = pending.popFirst() { open(index) }
      try wait(milliseconds: paused.isEmpty && guest == nil ? 100 : 1)
      guest?.tick()
      resumePaused()
      progress?.show(lanes)
    }
    progress?.clear()
  }

  /// The number of open idle connections.
  var idleConnections: Int {
    slots.count { $0.state == .idle && $0.socket?.isIdle == true }
  }

  /// Opens the keep-alive connections before the clock starts.
  ///
  /// A second call does nothing.
  func openKeepAliveConnections() throws {
    guard !isOpen else { return }
    isOpen = true
    let start = Clock.nanoseconds
    let kept = slots.indices.filter { lanes[slots[$0].lane].use == .keepAlive }
    var pending = kept[...]
    while !pending.isEmpty || connecting > 0 {
      while connecting < Self.maxConcurrentConnects, let index = pending.popFirst() { open(index) }
      try wait()
      guard Clock.seconds(since: start) < Self.connectTimeoutSeconds else {
        throw Failure("\(connecting + pending.count) connections could not be opened", .unavailable)
      }
    }
  }

  /// Lets the guest use this loop's epoll instance.
  func attachGuest() { guest?.attach(to: epoll) }

  /// Serves the guest until `condition` holds or `seconds` have passed.
  func wait(seconds: Double, until condition: () -> Bool) throws {
    let start = Clock.nanoseconds
    while !condition(), Clock.seconds(since: start) < seconds { try wait(milliseconds: 100) }
  }

  private func wait(milliseconds: Int32 = 100) throws {
    let count = clinux_epoll_wait(epoll, events, milliseconds)
    try Interruption.check()
    guard count > 0 else { return }
    for position in 0..<Int(count) {
      let event = events[position]
      guard event.token < Self.firstGuestToken else {
        guest?.handle(
          event.token, isWritable: event.events & (EPOLLOUT.rawValue | EPOLLERR.rawValue) != 0)
        continue
      }
      let index = Int(event.token)
      if event.events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 { slots[index].isEnding = true }
      handle(index, isWritable: event.events & (EPOLLOUT.rawValue | EPOLLERR.rawValue) != 0)
    }
    guard consecutiveFailures < 100 + 2 * slots.count else {
      let endpoint = lanes[0].endpoint
      throw Failure("no responses from \(endpoint.hostField): is the receiver running?", .unavailable)
    }
  }
}

// MARK: - One connection

extension LoadLoop {
  private func handle(_ index: Int, isWritable: Bool) {
    switch slots[index].state {
    case .closed, .ready, .idle: return
    case .connecting:
      guard isWritable else { return }
      establish(index)
    case .exchanging: exchange(index, isReadable: true)
    }
  }

  private func open(_ index: Int) {
    let lane = lanes[slots[index].lane]
    if isRunning, !slots[index].hasRequest {
      guard take(index) else { return retire(index) }
    }
    slots[index].startedAt = Clock.nanoseconds
    guard let socket = ClientSocket(to: lane.nextEndpoint(), context),
      clinux_epoll_add(epoll, socket.descriptor, UInt64(index), 0) == 0
    else { return lose(index) }
    slots[index].socket = socket
    slots[index].isEnding = false
    slots[index].state = .connecting
    connecting += 1
  }

  private func establish(_ index: Int) {
    switch slots[index].socket?.establish() ?? .ended {
    case .wouldBlock: return
    case .ended: lose(index)
    case .moved:
      connecting -= 1
      slots[index].state = .ready
      if isRunning { next(index) }
    }
  }

  /// Sends the next request on a ready connection.
  private func next(_ index: Int) {
    if !slots[index].hasRequest {
      guard lanes[slots[index].lane].isDue(after: Clock.seconds(since: startedAt)) else {
        slots[index].state = .ready
        return paused.append(index)
      }
      guard take(index) else { return retire(index) }
    }
    if lanes[slots[index].lane].use != .connectionPerRequest { slots[index].startedAt = Clock.nanoseconds }
    lanes[slots[index].lane].noteSent(slots[index].send, at: slots[index].startedAt)
    slots[index].state = .exchanging
    exchange(index, isReadable: false)
  }

  /// Sends what is due on the slots that waited for it.
  private func resumePaused() {
    while let index = paused.last,
      lanes[slots[index].lane].isDue(after: Clock.seconds(since: startedAt))
    {
      paused.removeLast()
      next(index)
    }
  }

  private func take(_ index: Int) -> Bool {
    guard let send = lanes[slots[index].lane].take() else { return false }
    slots[index].send = send
    slots[index].sent = 0
    slots[index].hasRequest = true
    slots[index].reader.reset()
    return true
  }

  private func exchange(_ index: Int, isReadable: Bool) {
    let lane = lanes[slots[index].lane]
    guard let socket = slots[index].socket else { return }
    let request = Int(lane.sends[slots[index].send])
    let length = lane.requests.range(of: request).count
    while slots[index].sent < length {
      let result = lane.requests.withBytes(of: request, from: slots[index].sent) { socket.send($0) }
      guard case .moved(let count) = result else {
        // Also if the connection is lost: a response that arrived before may still be read.
        if result == .ended, !isReadable { return lose(index) }
        break
      }
      slots[index].sent += count
    }
    guard isReadable || slots[index].sent < length else { return }
    while true {
      switch socket.receive(into: scratch) {
      case .wouldBlock: return
      case .ended: return lose(index)
      case .moved(let count):
        do throws(ResponseReader.Problem) {
          try slots[index].reader.consume(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        } catch {
          lane.noteProblem(error)
          return lose(index)
        }
        if slots[index].reader.isComplete { return finish(index, isWhole: slots[index].sent == length) }
      }
    }
  }

  private func finish(_ index: Int, isWhole: Bool) {
    let lane = lanes[slots[index].lane]
    lastAnswerAt = Clock.nanoseconds
    lane.record(
      slots[index].reader, to: slots[index].send, startedAt: slots[index].startedAt, endedAt: lastAnswerAt)
    consecutiveFailures = 0
    slots[index].hasRequest = false
    switch lane.use {
    case .keepAlive where isWhole && !slots[index].reader.endsConnection && !slots[index].isEnding:
      next(index)
    case .keepAlive:
      lane.reconnects += 1
      reopen(index)
    case .connectionPerRequest: reopen(index)
    case .thenIdle:
      slots[index].state = .idle
      activeSlots -= 1
    }
  }

  /// Handles a lost or failed connection.
  ///
  /// Its request is not sent again, because the receiver may have recorded it.
  private func lose(_ index: Int) {
    let lane = lanes[slots[index].lane]
    consecutiveFailures += 1
    if slots[index].state == .connecting { connecting -= 1 }
    if slots[index].hasRequest { lane.broken += 1 }
    slots[index].hasRequest = false
    lane.reconnects += 1
    // No listener: without this limit the next attempt would follow within this call.
    guard consecutiveFailures < 100 + 2 * slots.count else {
      slots[index].socket = nil
      slots[index].state = .closed
      return
    }
    reopen(index)
  }

  private func reopen(_ index: Int) {
    slots[index].socket = nil
    slots[index].state = .closed
    open(index)
  }

  /// Closes a slot that has nothing more to send.
  private func retire(_ index: Int) {
    slots[index].socket = nil
    slots[index].state = .closed
    if !lanes[slots[index].lane].isBackground { activeSlots -= 1 }
  }
}
