import Crypto
import Foundation
import GRDB
import HTTPTypes
import Hummingbird

/// A receiver on Hummingbird and GRDB, with one committed transaction a delivery.
///
/// A peer of deploy/benchmark.sh; settings from PORT, DATABASE and REPLICATE_WEBHOOK_SECRET.
@main
struct Receiver {
  struct Prediction: Decodable {
    let id: String
    let status: String
  }

  static let states = [
    "starting": "pending", "processing": "running", "succeeded": "succeeded", "failed": "failed",
    "canceled": "canceled",
  ]

  let key: SymmetricKey
  let database: DatabasePool

  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    guard let secret = environment["REPLICATE_WEBHOOK_SECRET"], let file = environment["DATABASE"],
      let key = Data(base64Encoded: String(secret.dropFirst("whsec_".count))),
      let port = environment["PORT"].flatMap({ Int($0) })
    else { fatalError("REPLICATE_WEBHOOK_SECRET, DATABASE and PORT are needed") }
    // A pool uses SQLite's WAL. It sets synchronous to NORMAL, where a commit is not yet on the disk.
    let database = try DatabasePool(path: file)
    try await database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    try await database.write { database in
      try database.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, job TEXT NOT NULL);
          CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, prediction TEXT NOT NULL)
          """)
    }
    let receiver = Receiver(key: SymmetricKey(data: key), database: database)
    let router = Router()
    router.post("/webhooks/replicate") { request, _ in try await receiver.receive(request) }
    let address = ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))
    try await Application(router: router, configuration: address).runService()
  }

  func receive(_ request: Request) async throws -> Response {
    let body = Data(buffer: try await request.body.collect(upTo: 8 << 20))
    guard let id = Self.field("webhook-id", of: request), isSigned(request, id: id, body) else {
      throw HTTPError(.unauthorized, message: "the signature does not fit")
    }
    guard let prediction = try? JSONDecoder().decode(Prediction.self, from: body),
      let state = Self.states[prediction.status]
    else { throw HTTPError(.badRequest, message: "no prediction") }
    try await database.write { database in
      try database.cachedStatement(sql: "INSERT OR IGNORE INTO deliveries VALUES (?, ?)")
        .execute(arguments: [id, prediction.id])
      guard database.changesCount > 0 else { return }
      try database.cachedStatement(
        sql: """
          INSERT INTO jobs VALUES (?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET state = excluded.state, prediction = excluded.prediction
          """
      ).execute(arguments: [prediction.id, state, String(decoding: body, as: UTF8.self)])
    }
    return Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"received":true}"#)))
  }

  private func isSigned(_ request: Request, id: String, _ body: Data) -> Bool {
    guard let timestamp = Self.field("webhook-timestamp", of: request), let seconds = Double(timestamp),
      abs(Date().timeIntervalSince1970 - seconds) <= 300,
      let signatures = Self.field("webhook-signature", of: request)
    else { return false }
    let content = Data("\(id).\(timestamp).".utf8) + body
    return signatures.split(separator: " ").contains { signature in
      guard signature.hasPrefix("v1,"), let code = Data(base64Encoded: String(signature.dropFirst(3))) else {
        return false
      }
      return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: content, using: key)
    }
  }

  private static func field(_ name: String, of request: Request) -> String? {
    HTTPField.Name(name).flatMap { request.headers[$0] }
  }
}
