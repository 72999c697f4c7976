import Foundation
import PostgreSQL
import PostgreSQLServer
import Testing
import Time

@Suite(.needsPostgreSQL) struct NotificationTests {
  private let database: TestDatabase
  private let listener: Connection

  init() throws {
    database = try PostgreSQLServer.shared().makeDatabase()
    listener = try connect(to: database.url)
    _ = try listener.run(Query("LISTEN jobs"), deadline: generous)
  }

  @Test func `notifications arrive with their channel, payload and sender`() throws {
    let sender = try connect(to: database.url)
    let notify = Query("SELECT pg_notify('jobs', $1)")
    for payload in ["1", "", "häß"] { _ = try sender.run(notify, [.text(payload)], deadline: generous) }
    var received: [PostgreSQL.Notification] = []
    while received.count < 3 {
      let next = try listener.notifications(until: generous)
      guard !next.isEmpty else { break }
      received += next
    }
    #expect(received.map(\.payload) == ["1", "", "häß"])
    #expect(received.allSatisfy { $0.channel == "jobs" && $0.sender == sender.backendProcess })
  }

  @Test func `a notification during another statement is kept`() throws {
    var pipeline = Pipeline()
    pipeline.add(Query("SELECT pg_notify('jobs', 'own')"))
    pipeline.add(Query("SELECT 1"))
    _ = try listener.run(pipeline, deadline: generous)
    #expect(try listener.notifications(until: generous).map(\.payload) == ["own"])
  }

  @Test func `a wait ends at its deadline, and for a descriptor`() throws {
    let start = MonotonicClock.now
    #expect(try listener.notifications(until: start + .milliseconds(50)).isEmpty)
    #expect(MonotonicClock.now - start >= .milliseconds(50))
    let pipe = Pipe()
    pipe.fileHandleForWriting.write(Data([1]))
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    #expect(try listener.notifications(until: generous, wakingOn: descriptor).isEmpty)
    #expect(try listener.run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
  }

  @Test func `a lost connection ends a wait`() throws {
    try database.run("SELECT pg_terminate_backend(\(listener.backendProcess))")
    let error = #expect(throws: PostgreSQLError.self) {
      while true { _ = try listener.notifications(until: generous) }
    }
    #expect(error?.isConnection == true && listener.isBroken)
  }
}
