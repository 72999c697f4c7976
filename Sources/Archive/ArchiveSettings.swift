internal import BlobStores
internal import Bytes
internal import ClientAddress
internal import Crypto
internal import Downloads
internal import Glibc
internal import HTTPClient
internal import JobRequests
internal import S3
internal import Settings
internal import Time

extension SettingVariable {
  static let archive = SettingVariable(
    "ARCHIVE",
    "Where the files of outputs are kept: `file:` and a folder, or `s3://` and a bucket, with a "
      + "prefix where you want one. The settings that follow need it.")
  static let archiveEndpoint = SettingVariable(
    "ARCHIVE_ENDPOINT",
    "Where the bucket is, if not at AWS: `https://HOST` or `https://HOST:PORT`; `http://` to this "
      + "machine only.")
  static let archiveRegion = SettingVariable(
    "ARCHIVE_REGION",
    "The region in signatures. From the endpoint where that names one, else `us-east-1`.")
  static let archiveKeyID = SettingVariable(
    "ARCHIVE_KEY_ID",
    "The id of the bucket's access key.", isSecret: true)
  static let archiveSecretKey = SettingVariable(
    "ARCHIVE_SECRET_KEY",
    "The secret of that key, and on a second line its session token, where there is one.", isSecret: true)
  static let archiveMode = SettingVariable(
    "ARCHIVE_MODE",
    "What a job gets whose request has no `archive`.")
  static let archiveHosts = SettingVariable(
    "ARCHIVE_HOSTS",
    "Hosts that files are fetched from, with their subdomains, separated by commas.",
    standard: "replicate.delivery")
  static let archiveRetention = SettingVariable(
    "ARCHIVE_RETENTION",
    "How long files are kept after they were stored.")
  static let archivePublicURL = SettingVariable(
    "ARCHIVE_PUBLIC_URL",
    "A CDN or a public bucket in front of the same files, to which reads are redirected.")

  // Of other rooms, which report their problems.
  fileprivate static let apiURL = SettingVariable("REPLICATE_API_URL")
  fileprivate static let databaseURL = SettingVariable("DATABASE_URL", isSecret: true)
}

/// Where files are kept.
enum ArchivePlace: Sendable {
  /// A folder of this machine, or of a file system that several nodes share.
  case folder(String)
  case bucket(S3Bucket, S3Credentials)
}

/// The settings of the files that are kept.
struct ArchiveSettings: Sendable {
  /// Nil: nothing is kept.
  let place: ArchivePlace?
  /// Of jobs whose requests name none.
  let mode: ArchiveMode
  let sources: SourceRules
  /// How long files are kept after they were stored, in milliseconds. Nil: always.
  let retention: Int64?
  let publicURL: PublicURL?
  /// Where files wait to be stored.
  let spool: String
  /// Whether several nodes may use the store of jobs.
  let isShared: Bool
  let credentialFiles: CredentialFiles

  static let variables: [SettingVariable] = [
    .archive, .archiveEndpoint, .archiveRegion, .archiveKeyID, .archiveSecretKey, .archiveMode,
    .archiveHosts, .archiveRetention, .archivePublicURL,
  ]

  private static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }

  init(from reader: inout SettingsReader) {
    credentialFiles = CredentialFiles(
      keyID: reader.secretFile(.archiveKeyID), secretKey: reader.secretFile(.archiveSecretKey))
    place = Self.place(from: &reader)
    mode = reader.choice(.archiveMode, default: .bestEffort)
    sources = SourceRules(
      hosts: Self.hosts(from: &reader), apiURL: reader.text(.apiURL), isProxied: Self.isProxied)
    retention =
      reader.duration(.archiveRetention, in: .seconds(1)...Self.days(36_500))?.wholeMilliseconds
    publicURL = Self.publicURL(from: &reader)
    (spool, isShared) = Self.spool(reader)
    guard place == nil else { return }
    for variable in Self.variables where variable != .archive && variable != .archiveMode {
      guard reader.text(variable) != nil, !reader.hasProblem(with: .archive) else { continue }
      reader.report(variable, "without ARCHIVE nothing is kept: set ARCHIVE, or remove it")
    }
  }

  private static func place(from reader: inout SettingsReader) -> ArchivePlace? {
    guard let text = reader.text(.archive) else { return nil }
    if text.hasPrefix("file:") {
      let path = String(text.dropFirst("file:".count))
      guard path.hasPrefix("/"), path.count > 1, !path.hasPrefix("//"), !path.utf8.contains(0) else {
        reader.report(
          .archive, "write file: and an absolute path, such as file:/var/lib/replicate-webhookd/files")
        return nil
      }
      for variable in [SettingVariable.archiveEndpoint, .archiveRegion] where reader.text(variable) != nil {
        reader.report(variable, "a folder has none: remove it, or let ARCHIVE be s3://…")
      }
      return .folder(path)
    }
    guard text.hasPrefix("s3://") else {
      reader.report(
        .archive, "write file: and an absolute path, or s3:// with a bucket, such as s3://my-bucket/outputs")
      return nil
    }
    return bucket(String(text.dropFirst("s3://".count)), from: &reader)
  }

  private static func bucket(_ location: String, from reader: inout SettingsReader) -> ArchivePlace? {
    let endpoint = endpoint(from: &reader)
    let credentials = credentials(from: &reader)
    do throws(S3Bucket.Fault) {
      let bucket = try S3Bucket(location, endpoint: endpoint, region: reader.text(.archiveRegion))
      return credentials.map { .bucket(bucket, $0) }
    } catch {
      switch error {
      case .bucket, .prefix: reader.report(.archive, "\(error)")
      case .region: reader.report(.archiveRegion, "\(error)")
      case .endpoint: reader.report(.archiveEndpoint, "\(error)")
      }
      return nil
    }
  }

  private static func endpoint(from reader: inout SettingsReader) -> HTTPURL? {
    guard let text = reader.text(.archiveEndpoint) else { return nil }
    let advice = "write https://HOST or https://HOST:PORT; http:// only for this machine's loopback"
    guard let url = try? HTTPURL(text), url.isSecure || isLoopback(url.host) else {
      reader.report(.archiveEndpoint, advice)
      return nil
    }
    return url
  }

  private static func isLoopback(_ host: HTTPURL.Host) -> Bool {
    switch host {
    case .name(let name): name == "localhost"
    case .address(let address): address.specialUse == .loopback
    }
  }

  private static func credentials(from reader: inout SettingsReader) -> S3Credentials? {
    let (keyID, secret) = (reader.secretText(.archiveKeyID), reader.secretText(.archiveSecretKey))
    for (variable, text) in [(SettingVariable.archiveKeyID, keyID), (.archiveSecretKey, secret)]
    where text == nil && !reader.hasProblem(with: variable) {
      reader.report(variable, "a bucket needs it: set it, or \(variable.fileName)")
    }
    guard let keyID, let secret else { return nil }
    guard let credentials = S3Credentials(keyID: keyID, secretText: secret) else {
      reader.report(
        .archiveSecretKey,
        "write the secret key on one line, and a session token, where there is one, on the next; "
          + "and one key id without spaces in ARCHIVE_KEY_ID")
      return nil
    }
    return credentials
  }

  private static func hosts(from reader: inout SettingsReader) -> SourceHosts {
    let text = reader.text(.archiveHosts) ?? SettingVariable.archiveHosts.standard ?? ""
    do throws(SourceHosts.ParseError) {
      return try SourceHosts(parsing: text)
    } catch {
      reader.report(.archiveHosts, "\(error)")
      return .replicate
    }
  }

  private static func publicURL(from reader: inout SettingsReader) -> PublicURL? {
    guard let text = reader.text(.archivePublicURL) else { return nil }
    guard let url = try? HTTPURL(text), let publicURL = PublicURL(url) else {
      reader.report(
        .archivePublicURL, "write the URL of a CDN or public bucket, such as https://cdn.example.com")
      return nil
    }
    return publicURL
  }

  /// The spool beside the database's file. With a server it is in the working directory, as the unit sets it.
  private static func spool(_ reader: SettingsReader) -> (String, isShared: Bool) {
    var copy = reader
    let url = copy.secretText(.databaseURL).map { String($0[...].trimmed) } ?? "sqlite:"
    guard url.hasPrefix("sqlite:") else { return ("spool", true) }
    let path = url.dropFirst("sqlite:".count)
    guard let slash = path.lastIndex(of: "/") else { return ("spool", false) }
    return ("\(path[..<slash])/spool", false)
  }

  /// As libcurl reads the environment.
  private static var isProxied: Bool {
    ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].contains { (name: String) in
      getenv(name).map { $0.pointee != 0 } ?? false
    }
  }
}

/// The files that hold the credentials of a bucket, to be read again on SIGHUP.
struct CredentialFiles: Sendable {
  /// Nil where the value is not in a file.
  let keyID: String?
  let secretKey: String?
}

extension S3Credentials {
  /// - Parameter secretText: the secret key, and on the next line the session token, if there is one.
  init?(keyID: String, secretText: String) {
    guard let id = Self.keyID(in: keyID), let (secret, token) = Self.secret(in: secretText) else {
      return nil
    }
    self.init(keyID: id, secret: secret, sessionToken: token)
  }

  /// The credentials with the parts that could be read again. Nil where none could.
  func replacing(keyID text: String?, secretText: String?) -> S3Credentials? {
    let (id, secret) = (text.flatMap(Self.keyID), secretText.flatMap(Self.secret))
    guard id != nil || secret != nil else { return nil }
    return with(keyID: id, secret: secret?.0, sessionToken: secret?.1)
  }

  private static func keyID(in text: String) -> String? {
    let parts = text.split(whereSeparator: \.isWhitespace)
    return parts.count == 1 ? String(parts[0]) : nil
  }

  private static func secret(in text: String) -> (SecretKey, token: String?)? {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard (1...2).contains(parts.count) else { return nil }
    return (SecretKey(Array(parts[0].utf8)), parts.count == 2 ? String(parts[1]) : nil)
  }
}
