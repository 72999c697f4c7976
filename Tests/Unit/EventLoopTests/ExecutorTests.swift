import EventLoop
import Glibc
import Synchronization
@testable import System
import Testing
@testable import Time

/// An actor bound to a loop, to observe where its code runs.
private actor Resident {
  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(loop: EventLoop) {
    self.loop = loop
  }

  /// Whether this runs on the thread `expected`.
  ///
  /// It is checked before and after suspensions of every kind.
  func stays(on expected: UInt) async -> Bool {
    var isHome = UInt(pthread_self()) == expected
    for _ in 0..<100 {
      await withUnsafeContinuation { $0.resume() }
      isHome = isHome && UInt(pthread_self()) == expected
      await Task.yield()
      isHome = isHome && UInt(pthread_self()) == expected
    }
    _ = await loop.sleep(until: loop.now + .milliseconds(1))
    return isHome && UInt(pthread_self()) == expected
  }
}

/// A thread-safe counter that starts at 1.
private final class Count: Sendable {
  private let value = Mutex(0)

  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

@Suite struct ExecutorTests {
  /// Resumptions stay on the loop.
  ///
  /// With the serial executor alone, each would visit the global pool and cost a hundred times as much.
  @Test func tasksNeverLeaveTheirLoop() async throws {
    let loop = EventLoop(kernel: try LinuxKernel())
    let thread = try Thread(named: "loop") { loop.run() }
    let resident = Resident(loop: loop)
    let answer: Bool = await withCheckedContinuation { continuation in
      loop.start {
        let home = UInt(pthread_self())
        continuation.resume(returning: await resident.stays(on: home))
      }
    }
    #expect(answer)
    loop.stop()
    thread.join()
  }

  @Test func closuresFromManyThreadsAllRunOnTheLoop() throws {
    let loop = EventLoop(kernel: try LinuxKernel())
    let count = Count()
    let done = OneShot<Int>()
    let loopThread = try Thread(named: "loop") { loop.run() }
    let posters = try (0..<4).map { number in
      try Thread(named: "poster \(number)") {
        for _ in 0..<1000 {
          loop.post {
            let total = count.next()
            if total == 4000 { done.set(total) }
          }
        }
      }
    }
    for poster in posters { poster.join() }
    #expect(done.wait(timeout: .seconds(30)) == 4000)
    loop.stop()
    loopThread.join()
  }

  @Test func aQueueIsBoundedAndDrainsBeforeItCloses() {
    let queue = BlockingQueue<Int>(capacity: 3)
    #expect((1...5).map { queue.push($0) } == [true, true, true, false, false])
    #expect(queue.popAll() == [1, 2, 3])
    #expect(queue.popAll(timeout: .milliseconds(5)) == [])
    #expect(queue.push(5))
    #expect(queue.popAll(batchWindow: .milliseconds(1)) == [5])
    #expect(queue.push(6))
    queue.close()
    #expect(!queue.push(7))
    #expect(queue.popAll() == [6])
    #expect(queue.popAll() == nil)
  }

  @Test(arguments: [
    ("127.0.0.1:8080", "127.0.0.1:8080", true), ("localhost:0", "127.0.0.1:0", true),
    ("*:80", "0.0.0.0:80", false),
    ("0.0.0.0:1", "0.0.0.0:1", false), ("[::1]:8080", "[::1]:8080", true), ("[::]:8080", "[::]:8080", false),
    ("unix:/run/x.sock", "unix:/run/x.sock", true), ("10.0.0.1:65535", "10.0.0.1:65535", false),
  ])
  func addressesAreRead(_ text: String, _ written: String, _ isLoopback: Bool) throws {
    let address = try #require(SocketAddress(text))
    #expect(address.description == written)
    #expect(address.isLoopback == isLoopback)
  }

  @Test(arguments: [
    "", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8o",
    "256.0.0.1:80",
    "example.com:80", "::1:80", "[::1]", "[127.0.0.1]:80", "unix:relative",
    "unix:/" + String(repeating: "a", count: 107),
  ])
  func malformedAddressesAreRejected(_ text: String) {
    #expect(SocketAddress(text) == nil)
  }
}
