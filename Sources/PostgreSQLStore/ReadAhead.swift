internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables
internal import Time

extension PostgreSQLRows {
  static let further = "history_length"
  static let historyLengthColumn = JobColumn.count

  private static let selectPredictions = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs WHERE prediction_id = ANY($1)
    ORDER BY number FOR NO KEY UPDATE
    """)
  private static let selectNumbers = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs WHERE number = ANY($1)
    ORDER BY number FOR NO KEY UPDATE
    """)
  private static let selectJobs = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs
    WHERE prediction_id = ANY($1) OR id = ANY($2) OR number = ANY($3)
    ORDER BY number FOR NO KEY UPDATE
    """)
  static let selectDeliveries = Query(
    """
    SELECT webhook_id, job, digest FROM deliveries
    WHERE webhook_id = ANY($1) AND NOT is_repeat AND webhook_id IS NOT NULL
    """)
  /// A request may be large, and only few are needed.
  private static let selectOrders = Query(
    """
    SELECT \(OrderColumn.list), CASE WHEN octet_length(request) <= 16384 THEN request END
    FROM \(OrderRow.source)
    WHERE orders.job = ANY(ARRAY(SELECT number FROM jobs WHERE id = ANY($1) UNION ALL SELECT unnest($2)))
    """)
  private static let selectIdempotencyKeys = Query(
    "SELECT idempotency_key, job FROM orders WHERE idempotency_key = ANY($1)")
  private static let selectFlags = Query(
    "SELECT EXISTS (SELECT 1 FROM attempts), EXISTS (SELECT 1 FROM tombstone_keys)")
  private static let selectAttempts = Query(
    "SELECT prediction_id, job FROM attempts WHERE prediction_id = ANY($1)")
  /// The digests are those of ``TombstoneKey/text``.
  private static let selectTombstones = Query(
    """
    SELECT k FROM unnest($1::text[]) AS k
    JOIN tombstone_keys ON tombstone_keys.digest = sha256(convert_to(k, 'UTF8'))
    """)
  private static let drawNumbers = Query(
    "SELECT nextval('jobs_number_seq') FROM generate_series(1, $1::bigint)")

  /// Adds the statements that read what ``keys`` name.
  ///
  /// - Returns: what takes the results.
  func readAhead(_ pipeline: inout Pipeline) -> Reading {
    var reading = Reading()
    addJobs(keys, to: &pipeline, &reading)
    if !keys.webhookIDs.isEmpty {
      let ids = keys.webhookIDs
      reading.add(pipeline.add(Self.selectDeliveries, [.texts(ids)])) { rows, results in
        rows.noteDeliveries(results, of: ids)
      }
    }
    // These come after the jobs: a job that was not found may just have been given another prediction.
    reading.add(pipeline.add(Self.selectFlags)) { rows, results in
      (rows.hasAttempts, rows.hasTombstoneKeys) = (results.boolean(0, 0), results.boolean(0, 1))
      (rows.memory.hasAttempts, rows.memory.hasTombstoneKeys) = (rows.hasAttempts, rows.hasTombstoneKeys)
    }
    if memory.hasAttempts { addAttempts(keys.predictionIDs, to: &pipeline, &reading) }
    if memory.hasTombstoneKeys { addTombstones(Self.tombstoneTexts(of: keys), to: &pipeline, &reading) }
    let mayInsert = keys.predictionIDs.count + keys.jobIDs.count
    let missing = memory.missingNumbers(for: mayInsert, at: MonotonicClock.now)
    if missing > 0 { addNumbers(missing, to: &pipeline, &reading) }
    for (table, keys) in memory.recentRows.values { addRows(of: table, keys, to: &pipeline, &reading) }
    return reading
  }

  /// What takes the results of a pipeline's statements.
  struct Reading {
    typealias Taker = (PostgreSQLRows, Rows) throws(StorageError) -> Void

    private var takers: [(index: Int, take: Taker)] = []

    mutating func add(_ index: Int, _ take: @escaping Taker) { takers.append((index, take)) }

    func take(_ results: [Rows], into rows: PostgreSQLRows) throws(StorageError) {
      for taker in takers { try taker.take(rows, results[taker.index]) }
    }
  }

  private func addJobs(_ keys: LedgerKeys, to pipeline: inout Pipeline, _ reading: inout Reading) {
    let predictions = keys.predictionIDs.filter(\.isStorable)
    let (ids, numbers) = (keys.jobIDs.filter(\.isStorable), keys.jobNumbers)
    guard !predictions.isEmpty || !ids.isEmpty || !numbers.isEmpty || !keys.idempotencyKeys.isEmpty else {
      return
    }
    let index =
      if ids.isEmpty, numbers.isEmpty {
        pipeline.add(Self.selectPredictions, [.texts(predictions)])
      } else if ids.isEmpty, predictions.isEmpty {
        pipeline.add(Self.selectNumbers, [.integers(numbers)])
      } else {
        pipeline.add(Self.selectJobs, [.texts(predictions), .texts(ids), .integers(numbers)])
      }
    reading.add(index) { rows, results throws(StorageError) in
      try rows.noteJobs(results)
      for id in predictions where rows.jobsByPrediction[id] == nil { rows.jobsByPrediction[id] = .some(nil) }
      for id in keys.jobIDs where rows.jobsByID[id] == nil { rows.jobsByID[id] = .some(nil) }
      for number in numbers where rows.jobs[number] == nil { rows.jobs[number] = .some(nil) }
    }
    if !ids.isEmpty || !numbers.isEmpty {
      let index = pipeline.add(Self.selectOrders, [.texts(ids), .integers(numbers)])
      reading.add(index) { rows, results throws(StorageError) in
        try rows.noteOrders(results, ofJobs: ids.compactMap { rows.jobsByID[$0] ?? nil } + numbers)
      }
    }
    if !keys.idempotencyKeys.isEmpty {
      let names = keys.idempotencyKeys
      reading.add(pipeline.add(Self.selectIdempotencyKeys, [.texts(names)])) { rows, results in
        for name in names { rows.jobsByKey[name] = .some(nil) }
        for index in 0..<results.count {
          rows.jobsByKey[results.text(index, 0) ?? ""] = results.integer(index, 1)
        }
      }
    }
  }

  func noteJobs(_ results: Rows) throws(StorageError) {
    for index in 0..<results.count {
      let row = try JobRow.stored(results, index)
      let job = row.version.job
      jobs[row.number] = LoadedJob(
        row: row, historyLength: results.integer(index, Self.historyLengthColumn))
      if let id = job.snapshot?.predictionID { jobsByPrediction[id] = row.number }
      if let id = job.origin?.id { jobsByID[id] = row.number }
    }
  }

  private func noteOrders(_ results: Rows, ofJobs numbers: [Int64]) throws(StorageError) {
    for number in numbers { orders[number] = .some(nil) }
    for index in 0..<results.count {
      let order = try OrderRow.read(results, index, requestColumn: nil)
      // One that was inserted after the jobs were read belongs to none of them.
      guard orders[order.number] != nil else { continue }
      orders[order.number] = order
      if !results.isNull(index, OrderRow.requestColumn) {
        requests[order.number] = results.bytes(index, OrderRow.requestColumn)
      }
    }
  }

  func noteDeliveries(_ results: Rows, of ids: [String]) {
    deliveries.reserveCapacity(ids.count)
    for id in ids { deliveries[id] = .some(nil) }
    for index in 0..<results.count {
      deliveries[results.text(index, 0) ?? ""] = EarlierDelivery(
        job: results.integer(index, 1), digest: BodyDigest(bytes: results.bytes(index, 2)))
    }
  }

  func addAttempts(_ ids: [String], to pipeline: inout Pipeline, _ reading: inout Reading) {
    guard !ids.isEmpty else { return }
    reading.add(pipeline.add(Self.selectAttempts, [.texts(ids)])) { rows, results in
      for id in ids { rows.pastPredictions[id] = .some(nil) }
      for index in 0..<results.count {
        rows.pastPredictions[results.text(index, 0) ?? ""] = results.integer(index, 1)
      }
    }
  }

  static func tombstoneTexts(of keys: LedgerKeys) -> [String] {
    keys.webhookIDs.map { TombstoneKey.webhook($0).text }
      + keys.predictionIDs.map { TombstoneKey.prediction($0).text }
      + keys.jobIDs.map { TombstoneKey.job($0).text }
  }

  func addTombstones(_ texts: [String], to pipeline: inout Pipeline, _ reading: inout Reading) {
    let texts = texts.filter(\.isStorable)
    guard !texts.isEmpty else { return }
    reading.add(pipeline.add(Self.selectTombstones, [.texts(texts)])) { rows, results in
      for text in texts { rows.tombstones[text] = false }
      for index in 0..<results.count { rows.tombstones[results.text(index, 0) ?? ""] = true }
    }
  }

  func addNumbers(_ count: Int, to pipeline: inout Pipeline, _ reading: inout Reading) {
    reading.add(pipeline.add(Self.drawNumbers, [.integer(Int64(count))])) { rows, results in
      rows.memory.noteNumbers(
        (0..<results.count).map { results.integer($0, 0) }, at: MonotonicClock.now)
    }
  }

  /// Reads with one round trip what `build` adds.
  func read(_ build: (inout Pipeline, inout Reading) -> Void) throws(StorageError) {
    var (pipeline, reading) = (Pipeline(), Reading())
    build(&pipeline, &reading)
    guard !pipeline.isEmpty else { return }
    try reading.take(try run(pipeline), into: self)
  }

  /// Locks and reads jobs, with their orders.
  func load(_ keys: LedgerKeys) throws(StorageError) {
    try read { pipeline, reading in addJobs(keys, to: &pipeline, &reading) }
  }
}

extension TombstoneKey {
  /// The text whose SHA-256 digest is stored.
  var text: String {
    switch self {
    case .webhook(let id): "webhook:\(id)"
    case .prediction(let id): "prediction:\(id)"
    case .job(let id): "job:\(id)"
    }
  }
}

extension String {
  /// Whether PostgreSQL's `text` can hold it.
  var isStorable: Bool { !utf8.contains(0) }
}
