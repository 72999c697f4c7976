import HTTPWire
import Jobs
import JobDeletion
import JobsAPI
import Ledger
import Routing
import Settings
import SimulatedAPI
import StoreFixture
import StoreSeam
import Testing
import WebhookIntake

/// Jobs that belong to something, which may refuse to have them changed one by one.
@Suite(.everyStore) struct OwnerTests {
  /// Owns the jobs whose ids begin with `owned`, and lets one of them be retried.
  private struct Owner: JobOwner {
    func refusal(
      of change: JobChange, ofJob number: Int64, id: String, in reader: any StoreReader
    ) async throws(StorageError) -> Problem? {
      guard id.hasPrefix("owned"), try await reader.job(id)?.number == number else { return nil }
      switch change {
      case .retry where id == "owned-free": return nil
      case .retry: return Problem(.conflict, .conflict, "it is retried with its owner")
      case .deletion: return Problem(.conflict, .conflict, "it is deleted with its owner")
      }
    }
  }

  private struct Owning: Capability {
    var jobOwner: (any JobOwner)? { Owner() }

    init() {}
    init(from reader: inout SettingsReader) {}
  }

  private func api() throws -> SimulatedAPI {
    var reader = SettingsReader(variables: IntakeSettings.variables, environment: [:]) { _ in nil }
    let deletion = try reader.read { JobDeletion(from: &$0) }
    let limits = OrdersEndpoint.Limits(isConfigured: true, maxBodyBytes: 1024, maxQueued: 9)
    let api = try SimulatedAPI(capabilities: [deletion, Owning()], orders: limits)
    let now = api.now
    for id in ["owned", "owned-free", "other"] {
      let order = OrderedStore.order(id, request: #"{"model":"owner/model","input":{}}"#, at: now)
      try api.commit([
        LedgerWork { (transaction) throws(StorageError) in
          _ = try transaction.enqueue(order)
          _ = try transaction.cancel(id, at: now)
        }
      ])
    }
    return api
  }

  @Test func `a retry that the owner refuses makes no job`() throws {
    let api = try api()
    let refused = api.send("/jobs/owned/retry", method: "POST")
    #expect(refused.status == 409 && refused.text.contains("retried with its owner"), "\(refused.text)")
    #expect(api.send("/jobs/owned-free/retry", method: "POST").status == 202)
    #expect(api.send("/jobs/other/retry", method: "POST").status == 202)
    #expect(api.send("/jobs").text.matches(of: /"id":"/).count == 5)
  }

  @Test func `a deletion that the owner refuses deletes nothing`() throws {
    let api = try api()
    for path in ["/jobs/owned", "/jobs/owned-free", "/jobs/owned?cancel=true"] {
      let refused = api.send(path, method: "DELETE")
      #expect(refused.status == 409 && refused.text.contains("deleted with its owner"), "\(refused.text)")
    }
    #expect(api.send("/jobs/owned").status == 200)
    #expect(api.send("/jobs/other", method: "DELETE").status == 204)
    #expect(api.send("/jobs/other").status == 404)
  }

  /// What erases many jobs takes their owners along, which react to it.
  @Test func `a deletion by a filter asks no owner`() throws {
    let api = try api()
    #expect(api.send("/jobs?ids=owned,other", method: "DELETE").status == 200)
    #expect(api.send("/jobs/owned").status == 404)
    #expect(api.send("/jobs/owned-free").status == 200)
  }
}
