internal import Logging
internal import Observability

/// Up to ten of each in a second are logged: see ``RefusalLog``.
extension LogEntry {
  static func refused(_ refused: RefusedRequest) -> LogEntry {
    guard let status = refused.status else {
      return LogEntry(.notice, "connection failed", ["code": .text(refused.code)])
    }
    return LogEntry(status >= 500 ? .error : .notice, "refused", ["code": .text(refused.code)])
  }
}

extension RefusedRequest {
  /// What the log shows beside the code.
  var logFields: LogFields {
    var fields: LogFields = ["client": .text("\(client)"), "reason": .text(reason)]
    if let status { fields["status"] = .number(status) }
    if let token { fields["token"] = .text(token) }
    guard let request else { return fields }
    fields["method"] = .text(request.method)
    fields["path"] = .text(request.path)
    if let route = request.route { fields["route"] = .text(route) }
    if let webhookID = request.webhookID { fields["webhook_id"] = .text(webhookID) }
    if let bytes = request.bytes { fields["bytes"] = .number(bytes) }
    return fields
  }
}
