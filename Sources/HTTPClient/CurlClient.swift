internal import Synchronization
internal import System

/// An HTTP client over libcurl, with a blocking call on each of its threads.
///
/// A call resumes its task on the task's own executor. More calls than threads wait their turn.
package final class CurlClient: HTTPClient {
  private typealias Worker = BlockingQueue<Call>
  private typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  /// A request, and the task that waits for its response.
  private struct Call: Sendable {
    let request: HTTPClientRequest
    let cancellation: Cancellation
    let continuation: UnsafeContinuation<Outcome, Never>
  }

  private final class Cancellation: Sendable {
    let isRaised = Atomic(false)
  }

  private struct Assignments {
    /// They take turns, so that their number of open connections soon stays the same.
    var idle: [Worker]
    var waiting: [Call] = []
    var isClosed = false
  }

  private let assignments: Lock<Assignments>
  private let workers: [Worker]
  private let threads: [Thread]

  /// - Parameters:
  ///   - count: the number of threads, and so of calls at a time.
  ///   - name: the threads' name before their numbers.
  /// - Throws: `SystemError`, or ``HTTPClientError`` where libcurl cannot be started.
  package init(threads count: Int, named name: String) throws {
    let workers = (0..<count).map { _ in Worker(capacity: 1) }
    let assignments = Lock(Assignments(idle: workers))
    do {
      threads = try workers.enumerated().map { number, worker in
        let client = try BlockingHTTPClient()
        return try Thread(named: "\(name)-\(number)") { Self.work(worker, client, assignments) }
      }
    } catch {
      for worker in workers { worker.close() }
      throw error
    }
    self.workers = workers
    self.assignments = assignments
  }

  package func send(_ request: HTTPClientRequest) async -> Result<HTTPClientResponse, HTTPClientError> {
    let cancellation = Cancellation()
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        assign(Call(request: request, cancellation: cancellation, continuation: continuation))
      }
    } onCancel: {
      cancellation.isRaised.store(true, ordering: .relaxed)
    }
  }

  private func assign(_ call: Call) {
    let isClosed = assignments.withLock { assignments in
      guard !assignments.isClosed else { return true }
      if assignments.idle.isEmpty {
        assignments.waiting.append(call)
      } else {
        // Its queue is empty, so it takes the call.
        _ = assignments.idle.removeFirst().push(call)
      }
      return false
    }
    if isClosed { call.continuation.resume(returning: .failure(.unsent("the client is closed"))) }
  }

  /// Makes calls until the worker's queue is closed.
  private static func work(_ worker: Worker, _ client: BlockingHTTPClient, _ assignments: Lock<Assignments>) {
    while let assigned = worker.popAll() {
      var next = assigned.first
      while let call = next {
        call.continuation.resume(returning: send(call, through: client))
        next = assignments.withLock { assignments in
          if !assignments.waiting.isEmpty { return assignments.waiting.removeFirst() }
          assignments.idle.append(worker)
          return nil
        }
      }
    }
  }

  private static func send(_ call: Call, through client: BlockingHTTPClient) -> Outcome {
    let cancellation = call.cancellation
    guard !cancellation.isRaised.load(ordering: .relaxed) else {
      return .failure(.unsent("canceled before it was sent"))
    }
    do throws(HTTPClientError) {
      return .success(
        try client.send(call.request) { cancellation.isRaised.load(ordering: .relaxed) })
    } catch {
      return .failure(error)
    }
  }

  /// Ends the threads. Call it when no call is in flight.
  package func close() {
    let waiting = assignments.withLock { assignments in
      assignments.isClosed = true
      defer { assignments.waiting = [] }
      return assignments.waiting
    }
    for call in waiting { call.continuation.resume(returning: .failure(.unsent("the client is closed"))) }
    for worker in workers { worker.close() }
    for thread in threads { thread.join() }
  }
}
