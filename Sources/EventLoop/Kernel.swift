package import System
package import Time

/// The system calls of a loop: sockets, time and randomness.
///
/// The daemon runs on ``LinuxKernel``. Tests run the same code on a simulated kernel with a seed. Split
/// reads, short writes, resets, silent peers and exhausted descriptors then happen thousands of times a
/// second and can be replayed. All methods but ``wake()`` are called on the loop's own thread.
package protocol Kernel: AnyObject {
  var monotonicTime: MonotonicTime { get }
  /// Milliseconds since 1970 by the wall clock, which may be stepped.
  var wallTimeMilliseconds: Int64 { get }
  func fillWithRandom(_ bytes: UnsafeMutableRawBufferPointer)

  /// Creates a listening socket.
  ///
  /// - Parameter mode: the permissions of a unix socket's file; nil leaves them to the umask.
  /// - Returns: the socket and its bound address; for port 0 the system chooses the port.
  func listen(on address: SocketAddress, mode: UInt32?, backlog: Int) throws(SystemError) -> (
    descriptor: Int32, bound: SocketAddress
  )
  func accept(from listener: Int32) -> AcceptResult
  func receive(from descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> TransferResult
  func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> TransferResult
  /// Shuts down the sending side; the peer may still send.
  func shutdownSending(_ descriptor: Int32)
  func close(_ descriptor: Int32)

  /// Reports readiness of `descriptor` under `token` until it is closed.
  ///
  /// Edge-triggered: each change is reported once.
  func watch(_ descriptor: Int32, token: UInt64) throws(SystemError)
  /// Waits for events and appends them to `events`.
  ///
  /// Returns when something is ready, after ``wake()``, or at `deadline` (nil: no deadline). A deadline in
  /// the past polls.
  ///
  /// - Parameter now: ``monotonicTime``, which the caller has just read.
  func wait(from now: MonotonicTime, until deadline: MonotonicTime?, into events: inout [ReadyEvent])
  /// Ends the current or the next wait. Callable from any thread.
  func wake()
}

package struct ReadyEvent: Equatable, Sendable {
  package var token: UInt64
  package var isReadable: Bool
  package var isWritable: Bool
  /// The peer has shut down or the connection broke: reading never blocks again.
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
  /// The connection broke before it was accepted; the next one may be good.
  case aborted
  /// Out of descriptors or memory; nothing can be accepted until some are released.
  case exhausted(SystemError)
  case failed(SystemError)
}

package enum TransferResult: Equatable, Sendable {
  case transferred(Int)
  case wouldBlock
  /// End of file: the peer will send no more.
  case endOfStream
  /// The connection is gone. The error is for counters, not for decisions.
  case broken(SystemError)
}

/// The randomness of a kernel.
package struct KernelRandomness: RandomNumberGenerator {
  private let kernel: any Kernel

  package init(_ kernel: any Kernel) {
    self.kernel = kernel
  }

  package mutating func next() -> UInt64 {
    var number: UInt64 = 0
    withUnsafeMutableBytes(of: &number) { kernel.fillWithRandom($0) }
    return number
  }
}
