import CLinux
import Glibc

/// Readers of event streams, on the load's own epoll instance.
///
/// A stream that ends before its job does is opened again with `Last-Event-ID`, as `EventSource` does.
final class StreamClients: LoopGuest {
  /// What a client requests.
  struct Target {
    let endpoint: Endpoint
    /// The request without `Last-Event-ID` and the empty line.
    let request: String
    /// The address to connect from; nil for the system's choice.
    let source: UInt32?
    /// Whether the server ends the stream, as that of one job.
    let ends: Bool
  }

  /// Receives each event with the number of its client, and returns whether it is the last one.
  typealias Observer = (_ client: Int, _ event: EventStreamReader.Event) -> Bool

  private struct Client {
    let target: Target
    var socket: ClientSocket?
    var isConnected = false
    var reader = EventStreamReader()
    var request: [UInt8] = []
    var sent = 0
    var lastEventID: [UInt8] = []
    var hasEvent = false
    /// Whether the last event was received.
    var hasEnd = false
    var isDone = false
  }

  private var clients: [Client]
  private let observer: Observer
  private var epoll: Int32 = -1
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
  private(set) var events = 0
  private(set) var bytes = 0
  private(set) var reconnects = 0
  /// Clients that have received an event.
  private(set) var started = 0
  /// Streams whose server has ended them after the last event.
  private(set) var ended = 0
  /// The status of the first refused stream; nil if there is none.
  private(set) var refusal: Int?
  private(set) var problem: EventStreamReader.Problem?
  private var unopened: Range<Int>
  private var opening = 0

  private static let maxConcurrentConnects = 128
  private static let maxReconnects = 10_000

  init(_ targets: [Target], observer: @escaping Observer) {
    clients = targets.map { Client(target: $0) }
    unopened = 0..<targets.count
    self.observer = observer
  }

  /// Closes the connections first.
  deinit {
    clients.removeAll()
    scratch.deallocate()
  }

  var count: Int { clients.count }
  /// Whether every stream has shown a state.
  var hasAllStarted: Bool { started == clients.count }
  /// Whether every stream that has an end has ended.
  var hasAllEnded: Bool { ended == clients.count { $0.target.ends } }
  /// Whether nothing more can be expected.
  var hasFailed: Bool { refusal != nil || problem != nil || reconnects > Self.maxReconnects }

  func attach(to epoll: Int32) {
    self.epoll = epoll
    openMore()
  }

  private func openMore() {
    while opening < Self.maxConcurrentConnects, let index = unopened.popFirst() { open(index) }
  }

  private func open(_ index: Int) {
    let target = clients[index].target
    guard
      let socket = ClientSocket(to: target.endpoint, nil, from: target.source),
      clinux_epoll_add(epoll, socket.descriptor, LoadLoop.firstGuestToken + UInt64(index), 0) == 0
    else {
      reconnects += 1
      return
    }
    if !clients[index].hasEvent { opening += 1 }
    var request = Array(target.request.utf8)
    if !clients[index].lastEventID.isEmpty {
      request += "Last-Event-ID: ".utf8
      request += clients[index].lastEventID
      request += "\r\n".utf8
    }
    request += "\r\n".utf8
    clients[index].socket = socket
    clients[index].isConnected = false
    clients[index].request = request
    clients[index].sent = 0
    clients[index].reader.reset()
  }

  /// Handles the readiness of a client's socket.
  func handle(_ token: UInt64, isWritable: Bool) {
    let index = Int(token - LoadLoop.firstGuestToken)
    guard !clients[index].isDone, let socket = clients[index].socket else { return }
    if !clients[index].isConnected {
      guard isWritable else { return }
      guard socket.establish() == .moved(0) else { return lose(index) }
      clients[index].isConnected = true
    }
    while clients[index].sent < clients[index].request.count {
      let result = clients[index].request.withUnsafeBytes { request in
        socket.send(UnsafeRawBufferPointer(rebasing: request[clients[index].sent...]))
      }
      guard case .moved(let count) = result else {
        if result == .ended { return lose(index) }
        break
      }
      clients[index].sent += count
    }
    read(index, from: socket)
  }

  private func read(_ index: Int, from socket: ClientSocket) {
    while true {
      switch socket.receive(into: scratch) {
      case .wouldBlock: return
      case .ended: return lose(index)
      case .moved(let count):
        bytes += count
        take(index, UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        if clients[index].reader.isComplete { return finish(index) }
        // A short read has emptied the socket: with the edge trigger, more bytes are another event.
        if count < scratch.count { return }
      }
    }
  }

  private func take(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
    // Moved out, because the observer must not see the array being changed.
    var reader = EventStreamReader()
    swap(&reader, &clients[index].reader)
    var lastID: [UInt8]?
    do throws(EventStreamReader.Problem) {
      try reader.consume(bytes) { event in
        if !event.id.isEmpty { lastID = Array(event.id) }
        guard !event.data.isEmpty else { return }
        events += 1
        if observer(index, event) { clients[index].hasEnd = true }
        guard !clients[index].hasEvent else { return }
        clients[index].hasEvent = true
        started += 1
        opening -= 1
      }
    } catch {
      problem = error
    }
    if let lastID { clients[index].lastEventID = lastID }
    swap(&reader, &clients[index].reader)
    openMore()
  }

  /// Handles the end of a response.
  private func finish(_ index: Int) {
    let status = clients[index].reader.status
    if status != 200, status != 204 { refusal = refusal ?? status }
    guard status == 204 || clients[index].hasEnd else { return status == 200 ? lose(index) : close(index) }
    ended += 1
    close(index)
  }

  private func close(_ index: Int) {
    clients[index].isDone = true
    clients[index].socket = nil
  }

  private func lose(_ index: Int) {
    clients[index].socket = nil
    if !clients[index].hasEvent { opening -= 1 }
    reconnects += 1
    guard !hasFailed else { return }
    open(index)
  }
}
