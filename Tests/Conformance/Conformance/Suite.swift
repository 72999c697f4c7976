/// All cases, group by group.
package enum Suite {
  /// - Parameter limits: the limits of the server under test, for the exact limit cases.
  package static func cases(for site: Site) -> [ConformanceCase] {
    let limits = site.limits.map { LimitCases.exact($0, for: site) } ?? []
    let tables: [(CaseGroup, [ConformanceCase])] = [
      (.requestLine, RequestLineCases.table), (.version, VersionCases.table), (.method, MethodCases.table),
      (.target, TargetCases.table), (.host, HostCases.table), (.field, FieldCases.table),
      (.limit, LimitCases.table + limits), (.contentLength, ContentLengthCases.table),
      (.transferEncoding, TransferEncodingCases.table), (.chunked, ChunkedCases.table),
      (.connection, ConnectionCases.table), (.expect, ExpectCases.table), (.answer, AnswerCases.table),
      (.refusing, RefusingCases.table), (.path, PathCases.table),
    ]
    return tables.flatMap { group, rows in rows.map { $0.joining(group) } }
  }
}
