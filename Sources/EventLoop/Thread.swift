internal import CLinux
internal import Glibc

/// A thread that runs one closure, with a name that `top -H` and a debugger show.
///
/// `@unchecked Sendable`: the only state is the thread's number, written before anybody else can see the object.
package final class Thread: @unchecked Sendable {
  private let thread: pthread_t

  private final class Body {
    let name: String
    let niceness: Int32
    let run: () -> Void
    init(name: String, niceness: Int32, run: @escaping () -> Void) {
      self.name = name
      self.niceness = niceness
      self.run = run
    }
  }

  /// - Parameters:
  ///   - name: at most 15 bytes are shown (pthread_setname_np(3)).
  ///   - niceness: how readily it gives way to other threads, 0 to 19 (sched(7)). Where the system does not allow to say so,
  ///     it runs as they do.
  ///   - run: moves to the thread with all that it captures.
  package init(
    named name: String, niceness: Int32 = 0, _ run: sending @escaping () -> Void
  ) throws(SystemError) {
    let body = Unmanaged.passRetained(Body(name: name, niceness: niceness, run: run))
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, Self.main, body.toOpaque())
    guard result == 0 else {
      body.release()
      throw SystemError(call: "pthread_create", number: result)
    }
    self.thread = thread
  }

  /// Waits until the closure has returned. Call it once.
  package func join() {
    pthread_join(thread, nil)
  }

  // A named function and not a closure: a closure would inherit the isolation of whoever starts the thread.
  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    context in
    guard let context else { return nil }
    let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
    clinux_name_thread(String(body.name.prefix(15)))
    if body.niceness != 0 { _ = clinux_set_niceness(body.niceness) }
    body.run()
    return nil
  }
}
