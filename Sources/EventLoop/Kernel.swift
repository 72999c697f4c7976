package import System
package import Time

/// Every effect that a loop has on the outside, and every fact it learns from there: sockets, time and randomness.
///
/// The daemon runs on ``LinuxKernel``. Tests run the same code on a simulated kernel with a seed, so that split reads,
/// short writes, resets, silent peers and exhausted descriptors happen thousands of times a second and can be replayed.
/// All methods but ``wake()`` are called on the loop's own thread.
package protocol Kernel: AnyObject {
  var monotonicTime: MonotonicTime { get }
  /// Milliseconds since 1970 by the wall clock, which may jump.
  var wallTimeMilliseconds: Int64 { get }
  func fillWithRandom(_ bytes: UnsafeMutableRawBufferPointer)

  /// A listening socket, and the address it got (the port is the system's choice where 0 was asked for).
  ///
  /// - Parameter mode: the permissions of a unix socket's file; nil leaves them to the umask.
  func listen(on address: SocketAddress, mode: UInt32?, backlog: Int) throws(SystemError) -> (
    descriptor: Int32, bound: SocketAddress
  )
  func accept(from listener: Int32) -> AcceptResult
  func receive(from descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> TransferResult
  func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> TransferResult
  /// No more will be sent; the peer may still send.
  func shutdownSending(_ descriptor: Int32)
  func close(_ descriptor: Int32)

  /// Reports readiness of `descriptor` under `token`, once for each change (edge-triggered), until it is closed.
  func watch(_ descriptor: Int32, token: UInt64) throws(SystemError)
  /// Blocks until something is ready, ``wake()`` was called, or `deadline` has passed (nil: no deadline), and adds what
  /// is ready to `events`. A deadline in the past polls.
  func wait(until deadline: MonotonicTime?, into events: inout [ReadyEvent])
  /// Ends the current or the next wait. From any thread.
  func wake()
}

package struct ReadyEvent: Equatable, Sendable {
  package var token: UInt64
  package var isReadable: Bool
  package var isWritable: Bool
  /// The peer will send no more, or the connection broke: reading never blocks again.
  package var isHangUp: Bool

  package init(token: UInt64, isReadable: Bool, isWritable: Bool, isHangUp: Bool) {
    self.token = token
    self.isReadable = isReadable
    self.isWritable = isWritable
    self.isHangUp = isHangUp
  }
}

package enum AcceptResult: Equatable, Sendable {
  case accepted(descriptor: Int32, peer: SocketAddress)
  case wouldBlock
  /// This connection broke before it was accepted; the next may not have.
  case aborted
  /// Out of descriptors or memory: nothing can be accepted until something is released.
  case exhausted(SystemError)
  case failed(SystemError)
}

package enum TransferResult: Equatable, Sendable {
  case transferred(Int)
  case wouldBlock
  /// Reading: the peer will send no more.
  case endOfStream
  /// The connection is gone; the error is for counting, not for deciding.
  case broken(SystemError)
}
