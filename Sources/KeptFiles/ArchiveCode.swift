/// The reason a file is not stored, as documents have it.
package enum ArchiveCode: String, CaseIterable, Sendable {
  case sourceBusy = "source_busy"
  case notFound = "not_found"
  case expired
  case denied
  case refused
  case redirectRefused = "redirect_refused"
  case addressRefused = "address_refused"
  case tooLarge = "too_large"
  case mismatch
  case badDataURI = "bad_data_uri"
  case storeFull = "store_full"
  case storeDenied = "store_denied"
  case storeUnreachable = "store_unreachable"
  case storeMisconfigured = "store_misconfigured"
  case spoolLost = "spool_lost"
  case canceled
  case tooManyFiles = "too_many_files"

  /// Those that concern the whole store.
  package static let pausing: [ArchiveCode] = [
    .storeFull, .storeDenied, .storeUnreachable, .storeMisconfigured,
  ]
}
