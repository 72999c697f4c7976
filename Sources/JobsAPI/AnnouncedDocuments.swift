package import Routing

/// The documents of what is announced, as callbacks carry them.
package protocol AnnouncedDocuments: Sendable {
  /// The prefix of the types of its events, such as `workflow.`.
  var prefix: String { get }

  /// The number of a subject's events. Nil where there is no such subject.
  func number(of subject: String, in views: JobViews) async throws(Problem) -> Int64?

  /// The document of a subject as it is now. Nil where there is none any more.
  func document(of subject: String, in views: JobViews) async throws(Problem) -> [UInt8]?
}
