/// One answer. Length, date and connection options are the server's affair.
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
