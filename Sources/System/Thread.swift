internal import CLinux
internal import Glibc

/// A thread that runs one closure, under a name.
///
/// `top -H` and debuggers show the name.
///
/// `@unchecked Sendable`: the only state is the thread's number, written before the object is shared.
package final class Thread: @unchecked Sendable {
  private let thread: pthread_t

  private final class Body {
    let name: String
    let run: () -> Void
    init(name: String, run: @escaping () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// - Parameters:
  ///   - name: at most 15 bytes are shown (pthread_setname_np(3)).
  ///   - run: moves to the thread with all that it captures.
  package init(named name: String, _ run: sending @escaping () -> Void) throws(SystemError) {
    let body = Unmanaged.passRetained(Body(name: name, run: run))
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, Self.main, body.toOpaque())
    guard result == 0 else {
      body.release()
      throw SystemError(call: "pthread_create", number: result)
    }
    self.thread = thread
  }

  /// Waits until the closure has returned. Call it once (pthread_join(3)).
  package func join() {
    pthread_join(thread, nil)
  }

  /// Suspends the calling thread. Never call it on a loop's thread.
  package static func sleep(for duration: Duration) {
    var time = timespec(duration)
    // A signal may end it early, which does no harm.
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
  }

  // A named constant, because a closure would inherit the isolation of the starting thread.
  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    context in
    guard let context else { return nil }
    let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
    clinux_name_thread(String(body.name.prefix(15)))
    body.run()
    return nil
  }
}
