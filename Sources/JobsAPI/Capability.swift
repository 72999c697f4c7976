package import Ledger
package import Routing

/// A part of the daemon that can be left out: one room, and one line in `Daemon`.
package protocol Capability: Sendable {
  /// Adds the capability's writes to commits. Nil where it writes nothing with them.
  var hook: (any TransactionHook)? { get }

  /// The capability's routes of the jobs API.
  ///
  /// - Parameters:
  ///   - views: the API's reads, used on its loop.
  ///   - access: the API's access rules.
  func routes(_ views: JobViews, _ access: APIAccess) -> [Route]
}
