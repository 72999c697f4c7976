internal import BlobStores
internal import Downloads
internal import EventLoop
internal import Jobs
internal import KeptFiles
internal import Logging
internal import Observability
internal import StoreSeam
internal import Synchronization
internal import Time
internal import Work

// MARK: - Fetching

extension Archivist {
  /// Fetches a file, and stores it while its place is already another's.
  func fetch(_ claim: FetchClaim) async {
    let store = await fetched(claim)
    fetching[claim.file.job]?[claim.key] = nil
    if fetching[claim.file.job]?.isEmpty == true {
      fetching[claim.file.job] = nil
      runtime.endCancellation(ofJob: claim.file.job)
    }
    hasEndedTransfer = true
    timer.wake()
    if let store { await self.store(store) }
  }

  /// - Returns: the file to store at once; nil where there is none.
  private func fetched(_ claim: FetchClaim) async -> StoreClaim? {
    let start = now
    let outcome = await outcome(of: claim)
    // A daemon that ends leaves the part to the next one.
    guard !runtime.isStopping.load(ordering: .relaxed) || outcome != .canceled else { return nil }
    let (time, jitter, node) = (time, jitter(), node)
    let storesNow = canStore && storing.count < Self.maxStores
    let result = await persist { transaction throws(StorageError) in
      try transaction.finishFetch(
        claim, outcome, node: node, canStore: storesNow, at: time, jitter: jitter)
    }
    guard let result else { return nil }
    noteChange()
    notePlaylist(claim, outcome)
    switch result {
    case .fetched(let store):
      metrics.fetchLatency.record(now - start)
      noteStoring(store, true)
      return store
    case .spooled:
      metrics.fetchLatency.record(now - start)
      storesDueAt = now
    case .retried(let code):
      metrics.failures.add(for: code)
      noteSpool(code)
    case .failed(let code):
      metrics.failures.add(for: code)
      noteFailure(claim.file, of: claim.job.id, code: code, outcome)
    case .dropped: await removeFromSpool(claim.key)
    }
    return nil
  }

  private func outcome(of claim: FetchClaim) async -> DownloadOutcome {
    let (key, time, runtime) = (claim.key, time, runtime)
    let sources = runtime.configuration.sources
    var body: [UInt8] = []
    if claim.file.url == nil {
      do throws(StorageError) {
        body = try await reader.job(claim.job.id)?.body ?? []
      } catch {
        return .failed(DownloadFailure(.sourceBusy, "the database could not be read"))
      }
    }
    let (file, recorded) = (claim.file, body)
    let outcome = await fetchers.run { downloader in
      let text = file.url ?? OutputFiles.text(at: file.at, in: recorded)
      guard let text, let source = sources.source(text) else {
        return DownloadOutcome.failed(
          file.url == nil
            ? DownloadFailure(.badDataURI, "the recorded output has no such data: URI any more")
            : DownloadFailure(.redirectRefused, "the host is not in ARCHIVE_HOSTS any more"))
      }
      return downloader.download(source, as: key, now: time) { runtime.isCanceled(key) }
    }
    return outcome ?? .canceled
  }

  /// Logs that the files which a file names are not kept.
  private func notePlaylist(_ claim: FetchClaim, _ outcome: DownloadOutcome) {
    guard case .finished(let file) = outcome, file.type.isPlaylist else { return }
    let kind = LogEntry(.warning, "playlist")
    if failures.admits(kind, at: now) {
      logger.log(.archiveListUnsupported(job: claim.job.id, file: claim.file.n))
    }
  }

  private func noteFailure(
    _ file: ArchivedFile, of job: String, code: ArchiveCode, _ outcome: DownloadOutcome
  ) {
    metrics.files.add(for: .failed)
    let cause = if case .failed(let failure) = outcome { failure.message } else { "" }
    let kind = LogEntry(.warning, "file not kept", ["code": .text(code.rawValue)])
    if failures.admits(kind, at: now) {
      logger.log(.archiveFileFailed(job: job, file: file.n, code: code, cause: cause))
    }
  }

  /// Logs once a minute that files wait for space.
  private func noteSpool(_ code: ArchiveCode) {
    guard code == .storeFull else { return }
    let kind = LogEntry(.warning, "spool full")
    if spoolWarnings.admits(kind, at: now) {
      logger.log(.archiveSpoolFull(freeBytes: resources.spool.freeBytes))
    }
  }
}

// MARK: - Storing

extension Archivist {
  /// Stores a file of the spool, which was noted as being stored.
  func store(_ claim: StoreClaim) async {
    let start = now
    let (runtime, store, file) = (runtime, resources.store, claim.file)
    let spooled = SpooledFile(
      path: resources.spool.path(of: claim.key), sha256: file.sha256 ?? "", size: Int(file.size ?? 0),
      type: file.type ?? "application/octet-stream")
    let (key, isKnown) = (claim.key, claim.isKnown)
    let outcome = await storers.run { _ -> BlobOutcome in
      let isCanceled = { runtime.isStopping.load(ordering: .relaxed) }
      // An equal file was stored before, so that a question may spare its bytes.
      if isKnown, (try? store.contains(spooled.key, size: spooled.size, isCanceled: isCanceled)) == true {
        return .stored
      }
      return store.store(spooled, isCanceled: isCanceled)
    }
    var result: StoringResult?
    if let outcome, outcome != .failed(BlobFailure(.canceled, "canceled")) {
      let (time, jitter) = (time, jitter())
      result = await persist { transaction throws(StorageError) in
        try transaction.finishStore(file, outcome, at: time, jitter: jitter)
      }
      note(outcome)
    }
    // The spool's file goes when the row says that it is stored.
    if result?.endsSpooling == true { await removeFromSpool(key) }
    noteStoring(claim, false)
    note(result, of: file, after: now - start)
    storesDueAt = now
    hasEndedTransfer = true
    noteChange()
    timer.wake()
  }

  private func note(_ result: StoringResult?, of file: ArchivedFile, after duration: Duration) {
    switch result {
    case .stored:
      metrics.files.add(1 + file.copies.count, for: .stored)
      metrics.bytes.add(Int(file.size ?? 0))
      metrics.storeLatency.record(duration)
    case .failed(let code):
      metrics.files.add(for: .failed)
      metrics.failures.add(for: code)
    case .retried(let failure): metrics.failures.add(for: ArchiveCode(failure.code))
    case .refetched, .dropped, .canceled, nil: break
    }
  }

  func removeFromSpool(_ key: Downloads.SpoolKey) async {
    let spool = resources.spool
    // A sweep at the next start removes it otherwise.
    _ = await storers.run { _ in try? spool.remove(key) }
  }

  /// Pauses the whole store after failures that concern all files, and ends the pause.
  func note(_ outcome: BlobOutcome) {
    switch outcome {
    case .stored: noteWorking()
    case .failed(let failure): note(failure)
    case .damaged, .missing: break
    }
  }

  func note(_ failure: BlobFailure) {
    let code = ArchiveCode(failure.code)
    guard ArchiveCode.pausing.contains(code) else { return }
    if let pause = failure.pause { pausedUntil = now + pause }
    let known = runtime.pause
    runtime.pause = ArchiveRuntime.Pause(
      code: code, message: failure.message, since: known?.code == code ? known?.since ?? time : time)
    for other in ArchiveCode.pausing { metrics.paused.set(other == code ? 1 : 0, for: other) }
    if known?.code != code { logger.log(.archivePaused(code, cause: failure.message)) }
  }

  func noteWorking() {
    guard runtime.pause != nil else { return }
    runtime.pause = nil
    for code in ArchiveCode.pausing { metrics.paused.set(0, for: code) }
    logger.log(.archiveResumed)
  }
}
