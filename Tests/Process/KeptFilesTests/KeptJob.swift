import Foundation

/// The members of a job that its kept files have.
struct KeptJob: Decodable {
  struct Summary: Decodable, Equatable {
    let mode: String
    let state: String
    let stored: Int?
    let waiting: Int?
    let failed: Int?
    let bytes: Int?
    let code: String?
    let sourceExpiresAt: String?
  }

  struct File: Decodable {
    struct Failure: Decodable, Equatable {
      let code: String
      let message: String?
    }

    let n: Int
    let at: String
    let state: String
    let name: String?
    let type: String?
    let size: Int?
    let sha256: String?
    let storedAt: String?
    let url: String?
    let tries: Int?
    let nextTryAt: String?
    let error: Failure?

    var code: String? { error?.code }
  }

  struct Failure: Decodable {
    let code: String
    let message: String?
  }

  let id: String
  let state: String
  let providerStatus: String?
  let predictionId: String?
  let archive: Summary?
  let files: [File]?
  let error: Failure?

  init(_ body: [UInt8]) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(KeptJob.self, from: Data(body))
  }
}
