internal import BlobStores
internal import Downloads
internal import EventLoop
internal import KeptFiles
internal import Ledger
internal import Logging
internal import Observability
internal import StoreSeam
internal import Synchronization
internal import Tables
internal import Time
internal import Work

// MARK: - The start

extension Archivist {
  private static let pageSize = 500
  /// The maximum wait of work after a start: clocks may have been set back.
  private static let maxWaitAfterStart: Int64 = 300_000

  /// Recovers what an earlier run has left.
  func prepare() async throws(StorageError) {
    if !isRecovered {
      let (node, time) = (node, time)
      try await write { transaction throws(StorageError) in
        try transaction.recoverArchive(
          at: time, within: Self.maxWaitAfterStart, endingClaims: true, ofNode: node)
      }
      isRecovered = true
    }
    guard !isSwept else { return }
    try await putNode(text: "")
    let fetched = try await files(of: node, in: .fetched) + files(of: node, in: .deleting)
    let waiting = try await files(of: "", in: .waiting)
    let spool = resources.spool
    let lost = fetched.filter { spool.size(of: $0.spoolKey) != $0.size.map(Int.init) }
    for file in lost {
      let time = time
      try await write { transaction throws(StorageError) in
        try transaction.recoverSpooled(file, at: time)
      }
    }
    let finished = Set(fetched.map(\.spoolKey)).subtracting(lost.map(\.spoolKey))
    let partial = Set(waiting.map(\.spoolKey))
    let removed = await storers.run { _ in
      (try? spool.sweep { finished.contains($0) ? .finished : partial.contains($0) ? .partial : .unused })
        ?? 0
    }
    if let removed, removed > 0 { logger.log(.archiveSwept(files: removed)) }
    isSwept = true
  }

  /// All files of a node in a state.
  private func files(
    of node: String, in state: ArchiveFileState
  ) async throws(StorageError) -> [ArchivedFile] {
    var files: [ArchivedFile] = []
    var query = TableQuery(ArchiveFileTable.declaration, limit: Self.pageSize)
    query.index = ArchiveFileTable.byNode
    query.prefix = [.text(node), .text(state.rawValue)]
    while true {
      let page = try await reader.rows(query)
      files += page.compactMap { ArchivedFile($0) }
      guard page.count == Self.pageSize, let last = page.last else { return files }
      query.after = [
        .integer(last.integer("due_at")), .integer(last.integer("job")), .integer(last.integer("n")),
      ]
    }
  }

  /// Tries the store with an object of its own.
  ///
  /// A failure is no reason not to start: deliveries come first.
  private func probe() async throws(StorageError) {
    let resources = resources
    let result = await storers.run { _ -> Result<Void, BlobFailure> in
      do throws(BlobFailure) {
        try resources.folder?.prepare()
        try resources.store.probe()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    switch result {
    case .success:
      isProbed = true
      pausedUntil = now
      storesDueAt = now
      try await compareFolders()
      if !isApart { noteWorking() }
    case .failure(let failure):
      note(failure)
      pausedUntil = now + .seconds(min(60, failure.pause == nil ? 5 : 60))
    case nil: break
    }
  }

  private func putNode(text: String) async throws(StorageError) {
    let (node, time) = (node, time)
    nodeText = text
    try await write { transaction throws(StorageError) in
      transaction.put(
        [.text(node), .text(text), .integer(time.milliseconds), .text(transaction.owner)],
        in: ArchiveNodeTable.declaration)
    }
  }
}

// MARK: - Other daemons

extension Archivist {
  private static let nodeLife: Int64 = 120_000

  private func nodes() async throws(StorageError) -> [TableRow] {
    try await reader.rows(TableQuery(ArchiveNodeTable.declaration, limit: 256))
  }

  /// Finds out whether all daemons see one folder, and announces this one if they do.
  ///
  /// A daemon with another folder announces nothing, so that the others, which were there before, go on.
  private func compareFolders() async throws(StorageError) {
    guard let folder = resources.folder, runtime.configuration.isShared else { return }
    let alive = time.advanced(byMilliseconds: -Self.nodeLife)
    var texts: [String: String] = [:]
    for row in try await nodes() where row.integer("seen_at") >= alive.milliseconds {
      if let name = row.text("node"), let text = row.text("text"), !text.isEmpty { texts[name] = text }
    }
    let announced = texts
    let missing = await storers.run { _ in (try? folder.missingNodes(of: announced)) ?? [] } ?? []
    guard Self.isApart(missing: missing, node: node, isAnnounced: !nodeText.isEmpty) else {
      if isApart {
        isApart = false
        pausedUntil = now
        noteWorking()
      }
      guard nodeText.isEmpty else { return }
      let text = await storers.run { _ in try? folder.announce() } ?? nil
      if let text { try await putNode(text: text) }
      return
    }
    if !isApart {
      isApart = true
      logger.log(.archiveNodesDiffer(missing))
      note(
        BlobFailure(
          .misconfigured, "other daemons of this database keep files in another folder: share one file system"
        ))
    }
    if !nodeText.isEmpty { try await putNode(text: "") }
  }

  /// Fetches again what is in the spool of a daemon that is gone.
  private func takeOver(from node: String) async throws(StorageError) {
    let files = try await files(of: node, in: .fetched) + files(of: node, in: .deleting)
    for file in files {
      let time = time
      try await write { transaction throws(StorageError) in
        guard try transaction.holdsArchiveDuty(at: time) else { return }
        try transaction.recoverSpooled(file, at: time)
      }
    }
    let time = time
    try await write { transaction throws(StorageError) in
      guard try transaction.holdsArchiveDuty(at: time) else { return }
      transaction.deleteRow(of: ArchiveNodeTable.declaration, key: [.text(node)])
    }
    if !files.isEmpty { logger.log(.archiveTookOver(node: node, files: files.count)) }
  }
}

// MARK: - Removing

extension Archivist {
  /// Ends what was deleted while it was in this spool.
  func endDeletions() async throws(StorageError) {
    var query = TableQuery(ArchiveFileTable.declaration, limit: 64)
    query.index = ArchiveFileTable.byNode
    query.prefix = [.text(node), .text(ArchiveFileState.deleting.rawValue)]
    let time = time
    for file in try await reader.rows(query).compactMap({ ArchivedFile($0) })
    where !storing.contains(file.spoolKey) {
      await removeFromSpool(file.spoolKey)
      try await write { transaction throws(StorageError) in try transaction.endDeletion(of: file, at: time) }
    }
  }

  /// Removes objects that no file refers to any more.
  func startDrops(in group: inout DiscardingTaskGroup) async throws(StorageError) {
    guard dropsDueAt <= now else { return }
    dropsDueAt = now + Self.lookPause
    var query = TableQuery(ArchiveDropTable.declaration, limit: 64)
    query.index = ArchiveDropTable.byTime
    query.bounds = 0...max(0, time.milliseconds)
    let drops = try await reader.rows(query).map { ArchiveDrop($0) }
    guard !drops.isEmpty else { return }
    let time = time
    let hasDuty = try await write { transaction throws(StorageError) in
      try transaction.holdsArchiveDuty(at: time)
    }
    for drop in drops where dropping.count < Self.maxDrops && !dropping.contains(drop.object) {
      switch drop.target {
      case .spool(let node):
        guard node == self.node || hasDuty, drop.file.map({ !storing.contains($0) }) ?? true else { continue }
        if node != self.node {
          let known = try await nodes().contains { $0.text("node") == node }
          guard !known else { continue }
        }
      case .blob(let sha256): guard hasDuty, storingBlobs[sha256] == nil else { continue }
      case .manifest: guard hasDuty else { continue }
      }
      dropping.insert(drop.object)
      group.addTask { await self.remove(drop) }
    }
  }

  private func remove(_ drop: ArchiveDrop) async {
    defer {
      dropping.remove(drop.object)
      timer.wake()
    }
    var retry: Timestamp?
    if case .spool(let node) = drop.target {
      if node == self.node, let key = drop.file { await removeFromSpool(key) }
    } else {
      let time = time
      let step = await persist { transaction throws(StorageError) in
        try transaction.beginDrop(drop, at: time)
      }
      guard step == .remove else {
        dropsDueAt = now
        return
      }
      guard canStore else {
        dropsDueAt = now + Self.lookPause
        return
      }
      let failure = await removeObject(of: drop.target)
      if let failure {
        note(failure)
        let pause = FetchSchedule.pause(
          afterTry: drop.tries + 1, retryAfter: failure.retryAfter, jitter: jitter())
        retry = time.advanced(byMilliseconds: pause)
      } else {
        noteWorking()
      }
    }
    let (time, due) = (time, retry)
    _ = await persist { transaction throws(StorageError) in
      try transaction.finishDrop(drop, retry: due, at: time)
    }
    if retry == nil { dropsDueAt = now }
  }

  private func removeObject(of target: ArchiveDrop.Target) async -> BlobFailure? {
    let (store, runtime) = (resources.store, runtime)
    let key: BlobKey
    switch target {
    case .blob(let sha256): key = .content(sha256: sha256)
    case .manifest(let job): key = .manifest(job: job)
    case .spool: return nil
    }
    let failure = await storers.run { _ -> BlobFailure? in
      do throws(BlobFailure) {
        try store.remove(key) { runtime.isStopping.load(ordering: .relaxed) }
        return nil
      } catch {
        return error
      }
    }
    return failure ?? BlobFailure(.canceled, "the daemon ends")
  }
}

// MARK: - Regular care

extension Archivist {
  func takeCare(in group: inout DiscardingTaskGroup) async throws(StorageError) {
    if !isProbed, pausedUntil <= now { try await probe() }
    try await expireFiles()
    if measureDueAt <= now { try await measure() }
    guard careDueAt <= now else { return }
    careDueAt = now + Self.carePause
    try await putNode(text: nodeText)
    try await renewClaims()
    try await compareFolders()
    let time = time
    // In a store of one process there is no other that could be alive.
    let gone = time.advanced(byMilliseconds: runtime.configuration.isShared ? -Self.nodeLife : 1)
    let dead = try await nodes().filter { $0.integer("seen_at") < gone.milliseconds }
      .compactMap { $0.text("node") }.filter { $0 != node }
    guard !dead.isEmpty else { return }
    let hasDuty = try await write { transaction throws(StorageError) in
      try transaction.holdsArchiveDuty(at: time)
    }
    guard hasDuty else { return }
    for node in dead { try await takeOver(from: node) }
  }

  private func renewClaims() async throws(StorageError) {
    let claims = fetching.values.flatMap(\.values)
    guard !claims.isEmpty else { return }
    let leaseEnd = time.advanced(byMilliseconds: Self.fetchLease)
    try await write { transaction throws(StorageError) in
      for claim in claims { try transaction.renew(claim, until: leaseEnd) }
    }
  }

  /// Deletes files whose time has passed, at most 100 a minute.
  private func expireFiles() async throws(StorageError) {
    guard retentionDueAt <= now else { return }
    guard let retention = runtime.configuration.retention else {
      retentionDueAt = now + Self.maxPause
      return
    }
    retentionDueAt = now + .milliseconds(min(60_000, max(1000, retention / 2)))
    let time = time
    let limit = time.advanced(byMilliseconds: -retention)
    var query = TableQuery(ArchiveFileTable.declaration, limit: 100)
    query.index = ArchiveFileTable.byTime
    query.prefix = [.text(ArchiveFileState.stored.rawValue)]
    query.bounds = 0...max(0, limit.milliseconds)
    let files = try await reader.rows(query).compactMap { ArchivedFile($0) }
    guard !files.isEmpty else { return }
    let jobs = try await reader.archivedJobs(Set(files.map(\.job)))
    let count = try await write { transaction throws(StorageError) in
      guard try transaction.holdsArchiveDuty(at: time) else { return 0 }
      return try transaction.expireFiles(files, of: jobs, before: limit, at: time)
    }
    metrics.files.add(count, for: .deleted)
    dropsDueAt = now
  }

  /// Measures the queue for the metrics and `GET /archive`.
  private func measure() async throws(StorageError) {
    measureDueAt = now + Self.carePause
    let totals = try await reader.rows(TableQuery(ArchiveTotalTable.declaration, limit: 1)).first
    metrics.waiting.set(
      Int(max(0, (totals?.integer("waiting") ?? 0) + (totals?.integer("fetched") ?? 0))))
    let nearest = try await reader.nearestExpiry(at: time)
    let spool = resources.spool
    let bytes = await storers.run { _ in (try? spool.usedBytes()) ?? 0 } ?? 0
    runtime.queue = ArchiveRuntime.Queue(
      oldestWaiting: nearest?.advanced(byMilliseconds: -FetchSchedule.life), nearestExpiry: nearest,
      spoolBytes: bytes)
    metrics.spoolBytes.set(bytes)
    metrics.nearestExpiry.set(
      nearest.map { Int(($0.milliseconds - time.milliseconds) / 1000) } ?? Int(FetchSchedule.life / 1000))
    for report in failures.takeReports(dueAt: now) { logger.log(report) }
    _ = spoolWarnings.takeReports(dueAt: now)
  }
}
