internal import JSONText
internal import JobsAPI
internal import StoreSeam
internal import Tables
internal import Time

/// Adds `bodies_erased_at` and `erased_bytes` to the documents of jobs whose bodies were erased.
struct ErasureMembers: JobMembers {
  func concerns(_ id: String, body: [UInt8]) -> Bool { ErasedBodies.mayConcern(body) }

  func members(
    ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> [JobMember] {
    try await members(ofJobs: [number], in: reader)[number] ?? []
  }

  func members(
    ofJobs numbers: [Int64], in reader: any StoreReader
  ) async throws(StorageError) -> [Int64: [JobMember]] {
    var query = TableQuery(ErasureTable.declaration, limit: numbers.count)
    query.among = numbers
    var members: [Int64: [JobMember]] = [:]
    for row in try await reader.rows(query) { members[row.integer("job")] = Self.members(of: row) }
    return members
  }

  private static func members(of row: TableRow) -> [JobMember] {
    var (time, sizes) = (JSONWriter(), JSONWriter())
    time.string(Timestamp(milliseconds: row.integer("erased_at")).rfc3339)
    sizes.object { object in
      object.member("input", integer: row.integer("input_bytes"))
      object.member("output", integer: row.integer("output_bytes"))
      object.member("logs", integer: row.integer("logs_bytes"))
    }
    return [JobMember("bodies_erased_at", time.bytes), JobMember("erased_bytes", sizes.bytes)]
  }
}
