internal import JSONText
internal import RefusedRequests
internal import Time

/// The API's document of refused deliveries. A member whose value is not known is absent.
enum RefusalsDocument {
  static func render(_ refusals: [RecordedRefusal], count: Int64) -> [UInt8] {
    var writer = JSONWriter(capacity: 64 + 400 * refusals.count)
    writer.object { object in
      object.member("count", integer: count)
      object.member("refusals") { list in
        list.array(refusals) { element, refusal in element.object { write(refusal, to: &$0) } }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  private static func write(_ refusal: RecordedRefusal, to object: inout JSONWriter.Object) {
    let refused = refusal.refused
    object.member("id", string: String(refusal.id))
    let receivedAt = refusal.receivedAt.rfc3339Bytes
    object.member("received_at") { $0.string(raw: receivedAt.span) }
    object.member("client", string: "\(refused.client)")
    object.member("method", string: refused.request?.method)
    object.member("path", string: refused.request?.path)
    object.member("status", integer: refused.status)
    object.member("code", string: refused.code)
    object.member("reason", string: refused.reason)
    object.member("webhook_id", string: refused.request?.webhookID)
    object.member("bytes", integer: refused.request?.bytes)
    guard let difference = refusal.clockDifference else { return }
    // An old delivery may also have been held up, or sent again: the operator compares this with NTP.
    object.member("clock", string: difference < 0 ? "behind" : "ahead")
    object.member("clock_difference_seconds", integer: difference)
  }
}
