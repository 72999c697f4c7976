internal import Foundation
internal import LiveDaemon

/// A refusal by the driver, with the error code of W3C WebDriver, 6.6.
package struct DriverError: Error, CustomStringConvertible {
  package let code: String
  package let message: String

  package var description: String { "\(code): \(message)" }

  /// Whether the same command may succeed once the page has changed.
  var isTransient: Bool {
    [
      "no such element", "stale element reference", "element not interactable", "element click intercepted",
      "detached shadow root",
    ].contains(code)
  }
}

/// The commands of WebDriver: JSON over HTTP/1.1 (W3C WebDriver, 6).
final class DriverConnection {
  private let port: Int
  private var connection: HTTPConnection?

  init(port: Int) { self.port = port }

  /// Sends a command, and returns the `value` of its answer.
  @discardableResult
  func send(_ method: String, _ path: String, _ parameters: [String: Any] = [:]) throws -> Any {
    // Section 6.3: a POST has an object, even if it is empty.
    let body = method == "POST" ? try JSONSerialization.data(withJSONObject: parameters) : Data()
    let head = [
      "\(method) \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Content-Type: application/json",
      "Content-Length: \(body.count)", "", "",
    ]
    let connection = try self.connection ?? HTTPConnection(host: "127.0.0.1", port: port)
    // After a failure the answer to an earlier command might come first.
    self.connection = nil
    try connection.send(Array(head.joined(separator: "\r\n").utf8) + body)
    let answer = try connection.receive()
    self.connection = connection
    guard let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any],
      let value = object["value"]
    else { throw Unusable("the driver answered \(method) \(path) with \(answer.text.prefix(500))") }
    guard answer.status == 200 else {
      let error = value as? [String: Any]
      let message = (error?["message"] as? String)?.split(separator: "\n").first ?? ""
      throw DriverError(code: error?["error"] as? String ?? "\(answer.status)", message: String(message))
    }
    return value
  }
}
