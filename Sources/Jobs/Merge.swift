package import Time

/// The source of a snapshot.
package enum SnapshotSource: String, Sendable, CaseIterable {
  /// A delivery.
  case webhook
  /// A poll of the prediction.
  case poll
  /// The provider's list, searched for a prediction whose create call had no answer.
  case list
  /// The answer to the call that created or canceled the prediction.
  case answer

  /// Found by a poll or a search.
  ///
  /// Other snapshots arrive in a delivery or in the answer to an order's call.
  package var isPolled: Bool { self == .poll || self == .list }
}

extension Job {
  /// The result of merging a snapshot into a job.
  package struct Merge: Equatable, Sendable {
    package let outcome: DeliveryOutcome
    /// The job has changed and must be stored.
    package let changesJob: Bool
    /// The offered snapshot became the current one.
    ///
    /// Its body must be stored, too.
    package let replacesSnapshot: Bool
    /// This snapshot ended the job.
    package var endsJob = false
    /// This snapshot replaces an end that the daemon had decided.
    package var replacesEnd = false
  }

  /// Merges a snapshot into the job. Only this function lets a snapshot change a job.
  ///
  /// Snapshots may repeat and may arrive in any order, from any source. The job keeps the maximum of all
  /// phases and the newest of all snapshots, so the order of arrival does not matter. The first terminal
  /// snapshot sets both, and nothing follows it. Where nothing orders two snapshots (see
  /// ``Snapshot/isNewer(than:)``), the later arrival wins.
  ///
  /// An end that only the daemon decided, such as `gone`, is replaced once by the end that the provider
  /// signs.
  package mutating func merge(
    _ offered: Snapshot, from source: SnapshotSource = .webhook, receivedAt: Timestamp
  ) -> Merge {
    let replacesEnd = isEndedByDaemon && source == .webhook && offered.phase?.isTerminal == true
    guard !isSettled || replacesEnd else { return mergeIntoEnd(offered, from: source) }
    let before = (phase: phase, revision: revision)
    let claimed = offered.claimedPhase
    let advances = claimed.map { $0.isTerminal || $0.rank > phase.rank } ?? false
    let isNewer = snapshot.map(offered.isNewer) ?? true
    // A poll that finds a prediction unchanged counts as activity, though the app sees no change. A repeated
    // unknown status does not: it may be an end, and the job would never become stale.
    let isActivity =
      source == .webhook || offered.phase != nil
      || isNewer && !(snapshot.map(offered.repeatsUnknownStatus) ?? false)
    let isConfirmation = source != .webhook && isActivity
    if isConfirmation { pollState.confirm(at: receivedAt) }
    let endsStaleness = isConfirmation && pollState.staleAt != nil
    if advances || isNewer || endsStaleness {
      if let claimed, advances { phase = claimed }
      if isNewer { snapshot = offered }
      if let model = offered.model, isNewer { self.model = model }
      revision += 1
      updatedAt = max(updatedAt, receivedAt)
      if source == .webhook { lastDeliveryAt = max(lastDeliveryAt ?? receivedAt, receivedAt) }
      if isActivity { pollState.noteActivity(at: receivedAt) }
    }
    let endsJob = phase.isTerminal
    if endsJob {
      verdict = offered.ruleViolation
      pollState.end()
      endFoundByPolling = source.isPolled
      endSource = EndSource(source)
    }
    let changes = advances || isNewer || endsStaleness
    assert(
      phase.rank >= before.phase.rank && revision == before.revision + (changes ? 1 : 0),
      "a merge goes backwards")
    return Merge(
      outcome: claimed == nil ? .unknownStatus : changes ? .applied : .late,
      changesJob: changes || isConfirmation,
      replacesSnapshot: isNewer, endsJob: endsJob, replacesEnd: replacesEnd)
  }

  /// Merges a snapshot into an ended or held job, whose end stands.
  ///
  /// Where polling found the end, a delivery that reports it shows that the webhook was not lost.
  private mutating func mergeIntoEnd(_ offered: Snapshot, from source: SnapshotSource) -> Merge {
    guard let claimed = offered.phase else {
      return Merge(outcome: .unknownStatus, changesJob: false, replacesSnapshot: false)
    }
    // The provider's end counts, not what the output rules made of it, unless the daemon ended the job.
    let standing = snapshot?.phase.flatMap { $0.isTerminal ? $0 : nil } ?? phase
    let isDeliveredLate = endFoundByPolling && source == .webhook && claimed.isTerminal
    if isDeliveredLate { endFoundByPolling = false }
    return Merge(
      outcome: claimed.isTerminal && claimed != standing ? .conflict : .late, changesJob: isDeliveredLate,
      replacesSnapshot: false)
  }

  /// Ends a job by the daemon's own decision.
  ///
  /// Called where the provider refused to create the prediction, or no longer knows it.
  ///
  /// - Returns: false where the job had ended already, or is held; it is left unchanged.
  package mutating func end(_ phase: Phase, because verdict: JobError, at now: Timestamp) -> Bool {
    precondition(phase.isTerminal, "a job must end in a terminal phase")
    guard !isSettled else { return false }
    setEnd(phase, because: verdict, at: now)
    return true
  }

  private mutating func setEnd(_ phase: Phase, because verdict: JobError?, at now: Timestamp) {
    self.phase = phase
    self.verdict = verdict
    revision += 1
    updatedAt = max(updatedAt, now)
    pollState.end()
  }

  /// Holds back the success with which a merge has just ended the job, or goes on holding it.
  ///
  /// - Parameter deadline: when the job is checked.
  package mutating func hold(until deadline: Timestamp) {
    precondition(phase == .succeeded || isHeld, "only a success is held")
    phase = .running
    pollState.hold(until: deadline)
  }

  /// Ends a held job.
  ///
  /// - Parameter verdict: why it has failed. Nil where it has succeeded.
  package mutating func release(because verdict: JobError?, at now: Timestamp) {
    precondition(isHeld, "only a held job is released")
    setEnd(verdict == nil ? .succeeded : .failed, because: verdict, at: now)
  }

  /// Counts a change of what the job's document shows beside the job.
  ///
  /// Nothing has happened to the job, so that its times stay.
  package mutating func touch() { revision += 1 }

  /// Counts the replacement of the stored body by a part of it.
  ///
  /// The sizes stay those of what was received.
  package mutating func noteStoredBody(digest: BodyDigest) {
    touch()
    guard let evidence = snapshot?.evidence else { return }
    snapshot?.evidence = Evidence(
      logsSize: evidence.logsSize, outputSize: evidence.outputSize, digest: digest)
  }

  /// Records that the create call is about to be made.
  package mutating func noteSending(at now: Timestamp, firstCheck: Timestamp) {
    pollState.begin(at: now, firstCheck: firstCheck)
  }

  /// Drops the ended prediction and begins another attempt.
  ///
  /// The phase stays, because a job never goes backwards.
  ///
  /// - Parameter source: how the end of the last attempt was reported.
  package mutating func beginAttempt(at now: Timestamp, endReportedBy source: SnapshotSource) {
    attempt += 1
    snapshot = nil
    revision += 1
    updatedAt = max(updatedAt, now)
    if source == .webhook { lastDeliveryAt = max(lastDeliveryAt ?? now, now) }
    pollState = PollState(lastActivityAt: now, dueAt: nil)
    (endFoundByPolling, endSource) = (false, nil)
  }
}

extension Snapshot {
  /// Whether this snapshot replaces `other`, which arrived before it.
  ///
  /// Neither snapshot is of a prediction that has ended. An unknown status ranks with `running`, because a
  /// status added later lies somewhere on the way. Ranking it with `starting` would hide it from the app.
  /// Where rank, logs and output are equal, nothing in the bodies orders them, and arrival is the best guess.
  /// A status that means an end follows `processing`, and nothing follows it.
  fileprivate func isNewer(than other: Snapshot) -> Bool {
    let (left, right) = (phase?.rank ?? Phase.running.rank, other.phase?.rank ?? Phase.running.rank)
    guard left == right else { return left > right }
    return evidence > other.evidence
      || evidence.hasSizes(of: other.evidence) && evidence.digest != other.evidence.digest
  }

  /// The same unknown status as in `other`, without more logs or output.
  fileprivate func repeatsUnknownStatus(of other: Snapshot) -> Bool {
    phase == nil && providerStatus == other.providerStatus && !(evidence > other.evidence)
  }
}

extension Phase {
  /// Progress as a number. All ends rank equally, because none can follow another.
  fileprivate var rank: Int {
    switch self {
    case .pending: 0
    case .running: 1
    case .succeeded, .failed, .canceled: 2
    }
  }
}
