import HTTPClient
import Simulation

/// The daemon's client of the simulated provider and the simulated app.
///
/// `@unchecked Sendable`: one thread runs the whole simulation.
final class SimulatedHTTPClient: HTTPClient, @unchecked Sendable {
  private let kernel: SimulatedKernel
  private let account: Account
  private let callbacks: CallbackReceiver

  init(kernel: SimulatedKernel, account: Account, callbacks: CallbackReceiver) {
    self.kernel = kernel
    self.account = account
    self.callbacks = callbacks
  }

  func send(_ request: HTTPClientRequest) async -> Account.Reply {
    let call = Call()
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        guard call.begin(continuation) else { return }
        if request.url.hasPrefix("https://app.example") {
          callbacks.receive(request) { call.end($0) }
        } else {
          account.receive(request) { call.end($0) }
        }
        kernel.after(request.timeout) { call.end(.failure(.unanswered("timed out"))) }
      }
    } onCancel: {
      call.end(.failure(.unanswered("stopped")))
    }
  }

  /// A call in flight, which ends once.
  private final class Call: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Account.Reply, Never>?
    private var reply: Account.Reply?

    /// - Returns: false if the call was canceled before.
    func begin(_ continuation: UnsafeContinuation<Account.Reply, Never>) -> Bool {
      if let reply {
        continuation.resume(returning: reply)
        return false
      }
      self.continuation = continuation
      return true
    }

    /// - Returns: false if it has ended before.
    @discardableResult
    func end(_ reply: Account.Reply) -> Bool {
      guard self.reply == nil else { return false }
      self.reply = reply
      continuation?.resume(returning: reply)
      continuation = nil
      return true
    }
  }
}
