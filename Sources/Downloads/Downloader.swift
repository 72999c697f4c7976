package import HTTPClient
internal import System
package import Time

/// A file that is complete in the spool.
package struct DownloadedFile: Equatable, Sendable {
  package let key: SpoolKey
  /// In bytes.
  package let size: Int
  /// The SHA-256 of the content, in hexadecimal.
  package let sha256: String
  package let type: MediaType
  package let name: String
}

/// The end of one try to fetch a file.
package enum DownloadOutcome: Equatable, Sendable {
  case finished(DownloadedFile)
  case failed(DownloadFailure)
  /// A part may be left, which the next try continues.
  case canceled
}

/// Fetches files into the spool, blocking. Use one for each thread.
package final class Downloader {
  private static let userAgent = "replicate-webhookd"

  private let client: BlockingHTTPClient
  private let rules: SourceRules
  private let spool: SpoolFolder
  private let limits: DownloadLimits

  package init(
    client: BlockingHTTPClient, rules: SourceRules, spool: SpoolFolder,
    limits: DownloadLimits = DownloadLimits()
  ) {
    self.client = client
    self.rules = rules
    self.spool = spool
    self.limits = limits
  }

  /// Fetches a file, once.
  ///
  /// A finished file has been synced, and so has its name. After a failure or a kill a part may be left in
  /// the spool; the next try continues it, if the source has the same file still.
  ///
  /// - Parameters:
  ///   - now: the wall clock, for dates in `Retry-After`.
  ///   - isCanceled: polled about once a second; true ends the call.
  package func download(
    _ source: Source, as key: SpoolKey, now: Timestamp, isCanceled: @escaping () -> Bool = { false }
  ) -> DownloadOutcome {
    defer { spool.release(key) }
    do throws(Interruption) {
      switch source {
      case .url(let url): return .finished(try fetch(url, as: key, now: now, isCanceled: isCanceled))
      case .data(let text): return .finished(try decode(text, as: key))
      }
    } catch {
      switch error {
      case .canceled: return .canceled
      case .failure(let failure):
        if !failure.code.keepsPart { spool.discardPart(key) }
        return .failed(failure)
      }
    }
  }
}

/// The reason a download ends without a file.
enum Interruption: Error {
  case failure(DownloadFailure)
  case canceled

  init(_ code: DownloadFailure.Code, _ message: String) {
    self = .failure(DownloadFailure(code, message))
  }

  init(_ error: SystemError) {
    self = .failure(DownloadFailure(spool: error))
  }
}

extension DownloadFailure.Code {
  /// Whether the bytes so far may be of use to the next try.
  ///
  /// A part in a full spool is given back, because the database may need its space.
  fileprivate var keepsPart: Bool {
    switch self {
    case .sourceBusy, .storeUnreachable: true
    default: false
    }
  }
}

// MARK: - URLs

extension Downloader {
  private func fetch(
    _ source: SourceURL, as key: SpoolKey, now: Timestamp, isCanceled: @escaping () -> Bool
  ) throws(Interruption) -> DownloadedFile {
    let receiver: DownloadReceiver
    do throws(SystemError) {
      receiver = try DownloadReceiver(source, as: key, spool: spool, maxBytes: limits.maxBytes)
    } catch {
      throw Interruption(error)
    }
    do throws(Interruption) {
      let url = try follow(source, into: receiver, now: now, isCanceled: isCanceled)
      return try receiver.finish { type in FileName.of(url, index: key.index, type: type) }
    } catch {
      if receiver.isResumable { receiver.recordPart() } else { spool.discardPart(key) }
      throw error
    }
  }

  /// Receives the content, through redirects.
  ///
  /// - Returns: The URL of the content.
  private func follow(
    _ source: SourceURL, into receiver: DownloadReceiver, now: Timestamp, isCanceled: @escaping () -> Bool
  ) throws(Interruption) -> SourceURL {
    var url = source
    var redirects = 0
    while true {
      guard !isCanceled() else { throw .canceled }
      switch try send(url, into: receiver, isCanceled: isCanceled) {
      case .received: return url
      case .startOver: receiver.forgetPart()
      case .redirected(let location):
        redirects += 1
        guard redirects <= limits.maxRedirects else {
          throw Interruption(.redirectRefused, "more than \(limits.maxRedirects) redirects")
        }
        guard let next = rules.url(Redirection.resolve(location, against: url)) else {
          throw Interruption(.redirectRefused, "\(url.authority) redirects to a URL that is not allowed")
        }
        url = next
      case .answered(let status, let retryAfter):
        throw .failure(
          DownloadFailure(status: status, host: url.authority, retryAfter: retryAfter, now: now))
      }
    }
  }

  private enum Step {
    case received
    /// The part is not continued: the request is repeated without a range.
    case startOver
    case redirected(String)
    case answered(status: Int, retryAfter: String?)
  }

  private func send(
    _ url: SourceURL, into receiver: DownloadReceiver, isCanceled: @escaping () -> Bool
  ) throws(Interruption) -> Step {
    let range = receiver.rangeFields
    var request = HTTPClientRequest(
      .get, url.text, fields: ["Accept-Encoding: identity", "User-Agent: \(Self.userAgent)"] + range)
    request.addresses = rules.addresses(for: url)
    // The receiver has the limits.
    request.maxBodyBytes = .max
    request.connectTimeout = limits.connectTimeout
    request.timeout = limits.timeout
    request.minimumRate = limits.minimumRate
    request.wantedFields = DownloadReceiver.wantedFields
    do throws(HTTPClientError) {
      _ = try client.send(request, into: receiver, isCanceled: isCanceled)
    } catch {
      // The receiver has ended the call itself, or the network has.
      if let interruption = receiver.interruption { throw interruption }
      if isCanceled() { throw .canceled }
      switch error {
      case .unwanted: break
      case .addressRefused(let refusal): throw Interruption(.addressRefused, "\(url.authority): \(refusal)")
      case .unsent(let reason), .unanswered(let reason):
        throw Interruption(.sourceBusy, "\(url.authority): \(reason)")
      case .oversized: throw Interruption(.tooLarge, "\(error)")
      }
    }
    if let interruption = receiver.interruption { throw interruption }
    guard let response = receiver.response else {
      throw Interruption(.sourceBusy, "\(url.authority): no response")
    }
    switch response.status {
    case 200: return .received
    case 206 where !range.isEmpty: return receiver.isMismatchedRange ? .startOver : .received
    case 416 where !range.isEmpty: return .startOver
    case 301, 302, 303, 307, 308:
      guard let location = response.fields["Location"]?.first else { break }
      return .redirected(location)
    default: break
    }
    return .answered(status: response.status, retryAfter: response.retryAfter)
  }
}

// MARK: - data: URIs

extension Downloader {
  private func decode(_ text: String, as key: SpoolKey) throws(Interruption) -> DownloadedFile {
    guard let uri = DataURI(text) else { throw Interruption(.badDataURI, "the data: URI is malformed") }
    guard uri.bytes.count <= limits.maxBytes else { throw Interruption.tooLarge(limits.maxBytes) }
    guard spool.reserve(uri.bytes.count, for: key) else { throw Interruption.full }
    do throws(SystemError) {
      var part = try spool.openPart(key)
      try part.truncate()
      try part.append(uri.bytes.span)
      try part.sync()
      try spool.finish(key)
    } catch {
      spool.discardPart(key)
      throw Interruption(error)
    }
    var digests = ContentDigests(comparing: nil)
    digests.update(uri.bytes.span)
    // Without a checksum there is nothing to differ from.
    return DownloadedFile(
      key: key, size: uri.bytes.count, sha256: digests.finish() ?? "", type: uri.type,
      name: FileName.numbered(key.index, type: uri.type))
  }
}
