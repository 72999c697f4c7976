import Simulation

/// Readers of the jobs API.
///
/// An observation never goes back, and has everything that was acknowledged before its request.
extension ReceiverSimulation {
  func scheduleObservers() {
    for _ in 0..<plan.observations {
      let time = Int.random(in: 0...(Plan.span * 2), using: &random)
      kernel.after(.milliseconds(time)) { self.observe() }
    }
  }

  private func observe() {
    let predictionID = "p\(Int.random(in: 0..<plan.predictions, using: &random))"
    switch Int.random(in: 0..<6, using: &random) {
    case 0: get("/readyz", allowing: [200]) { _ in }
    case 1: get("/jobs?limit=2", allowing: [200]) { _ in }
    case 2:
      let isKnown = ledger.acknowledgedPredictions.contains(predictionID)
      get("/jobs/\(predictionID)/history", allowing: isKnown ? [200] : [200, 404]) { _ in }
    default: observeJob(predictionID)
    }
  }

  private func observeJob(_ predictionID: String) {
    let earlier = ledger.observation(of: predictionID)
    let isKnown = earlier != nil || ledger.acknowledgedPredictions.contains(predictionID)
    get("/jobs/\(predictionID)", allowing: isKnown ? [200] : [200, 404]) { [self] reply in
      guard reply.status == 200 else { return }
      guard let revision = reply.body.member("revision").flatMap({ Int($0) }),
        let state = reply.body.member("state")
      else { return fail("a job without revision or state: \(reply.body)") }
      let observation = DeliveryLedger.Observation(revision: revision, state: state)
      counts[.observation] += 1
      if let reason = ledger.show(observation, of: predictionID, after: earlier) { fail(reason) }
    }
  }

  private func get(
    _ path: String, allowing statuses: [Int], onReply: @escaping (Exchange.Reply) -> Void
  ) {
    let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    let fault = clientFault()
    exchange(request, fault: fault) { [self] reply in
      guard let reply else { return }
      // The store may fail at any time, which is answered 503.
      if statuses.contains(reply.status) { return onReply(reply) }
      if reply.status != 503 && !(reply.status == 408 && fault == .stalls) {
        fail("GET \(path) was answered \(reply.status)")
      }
    }
  }
}
