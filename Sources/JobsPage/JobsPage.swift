package import JobsAPI
package import Routing
package import Settings

/// The capability that shows the jobs to people: a page at `/`, and sessions to sign in to it.
package struct JobsPage: Capability {
  package static var keys: [String] { [SessionKey.name] }

  /// The sources of media that the page may load, as its Content-Security-Policy names them.
  private let mediaSources: [String]
  private let ended = EndedSessions()

  package init(from reader: inout SettingsReader) {
    mediaSources = ["https://replicate.delivery", "https://*.replicate.delivery"]
  }

  package func sessions(_ keys: StoredKeys, of tokens: [BearerToken]) -> (any SessionVerifier)? {
    makeSessions(keys, tokens)
  }

  package func routes(_ api: APIContext) -> [Route] {
    let document = PageDocument(files: PageFiles.all, mediaSources: mediaSources)
    return [document.route] + SessionRoutes(api, makeSessions(api.keys, api.access.tokens)).routes
  }

  private func makeSessions(_ keys: StoredKeys, _ tokens: [BearerToken]) -> Sessions {
    Sessions(key: SessionKey(keys[SessionKey.name]), tokens: tokens, ended: ended)
  }
}
