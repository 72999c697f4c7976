package import Time

/// Where a snapshot came from.
package enum SnapshotSource: String, Sendable, CaseIterable {
  /// The provider sent it.
  case webhook
  /// We asked the provider how far the prediction is.
  case poll
  /// We looked through what the provider lists, for a prediction whose creation had no answer.
  case list
  /// The provider answered so to the call that created the prediction, or that canceled it.
  case answer

  /// No call or delivery of the provider's own has told of it.
  package var isAskedFor: Bool { self == .poll || self == .list }
}

extension Job {
  /// What became of a snapshot that was offered to a job.
  package struct Merge: Equatable, Sendable {
    package let outcome: DeliveryOutcome
    /// The job differs from what it was: store it.
    package let changesJob: Bool
    /// The job now rests on the offered snapshot: store its body too.
    package let replacesSnapshot: Bool
    /// The job has ended through this snapshot.
    package var endsJob = false
    /// The job had ended by our own word before, which this snapshot replaces.
    package var replacesEnd = false
  }

  /// The only place a snapshot changes a job. Snapshots may repeat and may arrive in any order, from any source.
  ///
  /// Two things are kept, each the greatest of all that was offered, so that order cannot matter: the phase, and
  /// the newest snapshot. The first terminal snapshot takes both, and nothing follows it. Only where nothing
  /// in two snapshots orders them (see ``Snapshot/isNewer(than:)``), the one that arrives later counts.
  ///
  /// An end that is only our own word, such as `gone`, gives way once to the end that the provider signs.
  package mutating func merge(
    _ offered: Snapshot, from source: SnapshotSource = .webhook, receivedAt: Timestamp
  ) -> Merge {
    let replacesEnd = isEndedByOurWord && source == .webhook && offered.phase?.isTerminal == true
    guard !phase.isTerminal || replacesEnd else { return mergeIntoEnd(offered, from: source) }
    let claimed = offered.claimedPhase
    let advances = claimed.map { $0.isTerminal || $0.rank > phase.rank } ?? false
    let isNewer = snapshot.map(offered.isNewer) ?? true
    // A poll that finds a prediction unchanged is an update too, but none that a user sees. Not so where the
    // word is unknown: it may be an end, which would be confirmed for ever.
    let isNews =
      source == .webhook || offered.phase != nil
      || isNewer && !(snapshot.map(offered.repeatsUnknownStatus) ?? false)
    let isHeard = source != .webhook && isNews
    if isHeard { watch.confirm(at: receivedAt) }
    let endsStaleness = isHeard && watch.staleAt != nil
    if advances || isNewer || endsStaleness {
      if let claimed, advances { phase = claimed }
      if isNewer { snapshot = offered }
      if let model = offered.model, isNewer { self.model = model }
      revision += 1
      updatedAt = max(updatedAt, receivedAt)
      if source == .webhook { lastDeliveryAt = max(lastDeliveryAt ?? receivedAt, receivedAt) }
      if isNews { watch.hear(at: receivedAt) }
    }
    let endsJob = phase.isTerminal
    if endsJob {
      verdict = offered.breach
      watch.end()
      endedUnheard = source.isAskedFor
    }
    let changes = advances || isNewer || endsStaleness
    return Merge(
      outcome: claimed == nil ? .unknownStatus : changes ? .applied : .late, changesJob: changes || isHeard,
      replacesSnapshot: isNewer, endsJob: endsJob, replacesEnd: replacesEnd)
  }

  /// A job that has ended stays as it is. But where we had to ask for the end, a delivery that tells of it was not lost.
  private mutating func mergeIntoEnd(_ offered: Snapshot, from source: SnapshotSource) -> Merge {
    guard let claimed = offered.phase else {
      return Merge(outcome: .unknownStatus, changesJob: false, replacesSnapshot: false)
    }
    // What the provider said counts, not what our rules made of it, unless we ended the job without its word.
    let standing = snapshot?.phase.flatMap { $0.isTerminal ? $0 : nil } ?? phase
    let isHeardNow = endedUnheard && source == .webhook && claimed.isTerminal
    if isHeardNow { endedUnheard = false }
    return Merge(
      outcome: claimed.isTerminal && claimed != standing ? .conflict : .late, changesJob: isHeardNow,
      replacesSnapshot: false)
  }

  /// Ends a job by our own word: the provider refused to create the prediction, or does not know it any more.
  ///
  /// - Returns: false where it had ended already, and stays so.
  package mutating func end(_ phase: Phase, because verdict: JobError, at now: Timestamp) -> Bool {
    precondition(phase.isTerminal, "a job ends in a phase that is an end")
    guard !self.phase.isTerminal else { return false }
    self.phase = phase
    self.verdict = verdict
    revision += 1
    updatedAt = max(updatedAt, now)
    watch.end()
    return true
  }

  /// The call that creates the prediction is about to be made.
  package mutating func noteSending(at now: Timestamp, firstLook: Timestamp) {
    watch.begin(at: now, firstLook: firstLook)
  }

  /// Leaves a prediction that ended, and begins with another. The phase stays: a job never goes backwards.
  ///
  /// - Parameter source: what told of that end.
  package mutating func beginAttempt(at now: Timestamp, afterNewsFrom source: SnapshotSource) {
    attempt += 1
    snapshot = nil
    revision += 1
    updatedAt = max(updatedAt, now)
    if source == .webhook { lastDeliveryAt = max(lastDeliveryAt ?? now, now) }
    watch = Watch(heardAt: now, dueAt: nil)
  }
}

extension Snapshot {
  /// Whether this snapshot of a prediction that has not ended replaces `other`, which arrived before it.
  ///
  /// An unknown status ranks with `running`: a status that is added later lies somewhere on the way, and hiding it
  /// behind `starting` would keep it from the user. Where rank, logs and output are alike, nothing in the
  /// bodies orders them, and arrival is the best guess: a word that means an end follows `processing`, and
  /// nothing follows it.
  fileprivate func isNewer(than other: Snapshot) -> Bool {
    let (left, right) = (phase?.rank ?? Phase.running.rank, other.phase?.rank ?? Phase.running.rank)
    guard left == right else { return left > right }
    return evidence > other.evidence
      || evidence.hasSizes(of: other.evidence) && evidence.digest != other.evidence.digest
  }

  /// The same unknown word as in `other`, with nothing more to show.
  fileprivate func repeatsUnknownStatus(of other: Snapshot) -> Bool {
    phase == nil && providerStatus == other.providerStatus && !(evidence > other.evidence)
  }
}

extension Phase {
  /// Progress as a number. All ends rank alike: none of them can follow another.
  fileprivate var rank: Int {
    switch self {
    case .pending: 0
    case .running: 1
    case .succeeded, .failed, .canceled: 2
    }
  }
}
