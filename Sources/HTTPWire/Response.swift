/// A response. The server adds length, date and connection options.
package struct Response: Sendable {
  package var status: Status
  package var fields: [(name: String, value: String)]
  package var body: [UInt8]

  package init(status: Status, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}
