internal import CPostgreSQL
package import Time

/// A message of NOTIFY, from a channel that this connection listens to.
package struct Notification: Equatable, Sendable {
  package let channel: String
  package let payload: String
  /// The server's process that sent it: see ``Connection/backendProcess``.
  package let sender: Int32
}

extension Connection {
  /// Waits for notifications. Send LISTEN before.
  ///
  /// - Parameter descriptor: input at it ends the wait; it is not read here.
  /// - Returns: none at the deadline, or if the descriptor has input.
  package func notifications(
    until deadline: MonotonicTime, wakingOn descriptor: Int32? = nil
  ) throws(PostgreSQLError) -> [Notification] {
    try checkReady()
    // Bounded by the deadline.
    while true {
      guard PQconsumeInput(handle) == 1 else { throw lost() }
      let received = takeNotifications()
      guard !isBroken else { throw lost() }
      guard received.isEmpty else { return received }
      guard try waitForInput(orInputOf: descriptor, deadline: deadline) else { return [] }
      if let descriptor, SocketWait.hasInput(descriptor) { return [] }
    }
  }

  private func takeNotifications() -> [Notification] {
    var notifications: [Notification] = []
    // Bounded by what libpq has received.
    while let notification = PQnotifies(handle) {
      defer { PQfreemem(notification) }
      notifications.append(
        Notification(
          channel: String(cString: notification.pointee.relname),
          payload: String(cString: notification.pointee.extra), sender: notification.pointee.be_pid))
    }
    return notifications
  }
}
