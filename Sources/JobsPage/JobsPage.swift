package import APITokens
internal import JobRequests
package import JobsAPI
package import Routing
internal import Scheduler
package import Settings

/// The capability that shows the jobs to people: a page at `/`, and sessions to sign in to it.
package struct JobsPage: Capability {
  package static var keys: [String] { [SessionKey.name] }

  /// Where the files of outputs may be, as sources of a Content-Security-Policy.
  private let outputSources: [String]
  private let ended = EndedSessions()

  package init(from reader: inout SettingsReader) {
    outputSources = ProviderSettings.outputRules(reader).fileSources
  }

  package func sessions(_ keys: StoredKeys, of tokens: TokenList) -> (any SessionVerifier)? {
    makeSessions(keys, tokens)
  }

  package func routes(_ api: APIContext) -> [Route] {
    // A redirect from this server to elsewhere must be allowed there, too.
    let added = Set(api.fileSources).subtracting(outputSources).sorted()
    let document = PageDocument(files: PageFiles.all, mediaSources: outputSources + added)
    return [document.route] + SessionRoutes(api, makeSessions(api.keys, api.access.tokens)).routes
  }

  private func makeSessions(_ keys: StoredKeys, _ tokens: TokenList) -> Sessions {
    Sessions(key: SessionKey(keys[SessionKey.name]), tokens: tokens, ended: ended)
  }
}
