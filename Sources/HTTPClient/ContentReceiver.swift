/// Collects the content of a response, or passes it to a sink.
///
/// libcurl aborts the transfer when the callback takes less than it was offered.
final class ContentReceiver {
  private(set) var bytes: [UInt8] = []
  /// The content exceeded the limit.
  private(set) var isFull = false
  /// The sink has ended the call.
  private(set) var isUnwanted = false
  private var count = 0
  private var hasBegun = false
  private let limit: Int
  private let truncates: Bool
  private let sink: (any ContentSink)?
  private let head: () -> HTTPClientResponse

  /// - Parameter head: the response as it is when its content begins.
  init(
    limit: Int, truncates: Bool, sink: (any ContentSink)?, head: @escaping () -> HTTPClientResponse
  ) {
    self.limit = limit
    self.truncates = truncates
    self.sink = sink
    self.head = head
  }

  var isTruncated: Bool { isFull && truncates }

  /// Announces the response to the sink, once.
  func begin() {
    guard !hasBegun, let sink else { return }
    hasBegun = true
    isUnwanted = !sink.begin(head())
  }

  /// The number of bytes that were taken.
  func take(_ more: UnsafeRawBufferPointer) -> Int {
    begin()
    guard !isUnwanted else { return 0 }
    let rest = limit - count
    guard more.count <= rest else {
      isFull = true
      if truncates { pass(UnsafeRawBufferPointer(rebasing: more.prefix(rest))) }
      return 0
    }
    pass(more)
    return isUnwanted ? 0 : more.count
  }

  private func pass(_ more: UnsafeRawBufferPointer) {
    count += more.count
    if let sink {
      more.withMemoryRebound(to: UInt8.self) { isUnwanted = !sink.take($0.span) }
    } else {
      bytes.append(contentsOf: more)
    }
  }
}
