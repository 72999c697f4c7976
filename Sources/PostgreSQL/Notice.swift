internal import CPostgreSQL

/// A notice or a warning that a server sent beside its results.
package struct Notice: Equatable, Sendable {
  /// Empty where libpq itself made the notice.
  package let sqlState: SQLState
  package let message: String
}

/// The notices of one connection since they were last cleared.
///
/// libpq's default would print them to standard error
/// (https://www.postgresql.org/docs/current/libpq-notice-processing.html).
final class NoticeLog {
  private static let maxCount = 64

  private(set) var notices: [Notice] = []

  func clear() { notices.removeAll(keepingCapacity: true) }

  /// Registers this log on `connection`, which it must outlive.
  func receive(from connection: OpaquePointer) {
    _ = PQsetNoticeReceiver(
      connection,
      { context, result in
        guard let context else { return }
        Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue()
          .append(
            Notice(
              sqlState: MessageText.sqlState(of: result) ?? SQLState(rawValue: ""),
              message: MessageText.primary(of: result)))
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// A full log replaces its last notice, unless the new one reports success.
  ///
  /// So a warning is never lost among those.
  private func append(_ notice: Notice) {
    if notices.count < Self.maxCount {
      notices.append(notice)
    } else if notice.sqlState != .success {
      notices[notices.count - 1] = notice
    }
  }
}
