internal import Bytes
package import HTTPClient

/// A bucket behind an S3 endpoint, and the prefix of our keys in it.
package struct S3Bucket: Equatable, Sendable {
  package let name: String
  /// Before each key, without slashes at its ends; empty for none.
  package let prefix: String
  package let region: String
  package let isSecure: Bool
  /// Of the endpoint, with the port where it is not the scheme's.
  private let endpointHost: String
  /// Whether the bucket is the path's first segment, and not part of the host.
  private let isInPath: Bool

  /// Where one object is.
  package struct Target: Equatable, Sendable {
    /// As the Host field has it.
    package let host: String
    /// Percent-encoded.
    package let path: String
    package let url: String
  }

  /// Creates a bucket's location.
  ///
  /// - Parameters:
  ///   - location: what follows `s3://`: the bucket, and a prefix where there is one.
  ///   - endpoint: nil for that of AWS in the region.
  ///   - region: nil for the one that the endpoint's host names, `auto` at Cloudflare and Google, or
  ///     `us-east-1`.
  package init(_ location: String, endpoint: HTTPURL? = nil, region: String? = nil) throws(Fault) {
    let parts = location.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts.first ?? "")
    guard Self.isBucketName(name) else { throw .bucket }
    let trimmed = (parts.dropFirst().first ?? "").split(separator: "/", omittingEmptySubsequences: false)
    let segments = trimmed.last == "" ? trimmed.dropLast() : trimmed[...]
    guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { throw .prefix }
    prefix = segments.joined(separator: "/")
    guard prefix.utf8.count <= Self.maxPrefixBytes else { throw .prefix }
    isSecure = endpoint?.isSecure ?? true
    let host = try endpoint.map { url throws(Fault) in try Self.host(of: url) }
    if let region { guard Self.isRegion(region) else { throw .region } }
    self.region = region ?? host.flatMap(Self.region) ?? "us-east-1"
    endpointHost = host ?? "s3.\(self.region).amazonaws.com"
    // A certificate for *.s3.amazonaws.com does not cover a bucket with a dot. Others than AWS and Google
    // know the bucket in the path, and some nothing else.
    isInPath =
      name.contains(".") || host.map { !$0.hasSuffix(Self.google) && !$0.hasSuffix(Self.aws) } ?? false
  }

  /// The scheme, host and port of its objects.
  package var origin: String { "\(isSecure ? "https" : "http")://\(target(for: "").host)" }

  /// Where the object `key` is, below the prefix.
  package func target(for key: String) -> Target {
    let segments =
      (isInPath ? [Substring(name)] : [])
      + (prefix.isEmpty ? key : "\(prefix)/\(key)")
      .split(separator: "/", omittingEmptySubsequences: false)
    let path = "/" + segments.map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
    let host = isInPath ? endpointHost : "\(name).\(endpointHost)"
    return Target(host: host, path: path, url: "\(isSecure ? "https" : "http")://\(host)\(path)")
  }
}

extension S3Bucket {
  /// What is wrong with a location, with the fix.
  package enum Fault: Error, Equatable, Sendable, CustomStringConvertible {
    case bucket
    case prefix
    case region
    case endpoint

    package var description: String {
      switch self {
      case .bucket:
        "write s3://BUCKET or s3://BUCKET/PREFIX: a bucket has 3 to 63 lower-case letters, digits, dots and "
          + "hyphens, and starts and ends with a letter or digit"
      case .prefix:
        "write the prefix as names separated by single slashes, none of them . or .., "
          + "at most \(S3Bucket.maxPrefixBytes) bytes"
      case .region: "write the region as letters, digits and hyphens, such as eu-central-1"
      case .endpoint: "write the endpoint as https://HOST or https://HOST:PORT, without a path"
      }
    }
  }

  static let maxPrefixBytes = 512
  private static let google = "storage.googleapis.com"
  private static let aws = ".amazonaws.com"

  /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  private static func isBucketName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard (3...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
    return [first, last].allSatisfy(\.isLowercaseLetterOrDigit) && !name.contains("..")
      && bytes.allSatisfy { $0.isLowercaseLetterOrDigit || "-.".utf8.contains($0) }
  }

  private static func isRegion(_ region: String) -> Bool {
    (1...64).contains(region.utf8.count)
      && region.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
  }

  /// The authority of the endpoint, which has nothing but a scheme before it.
  private static func host(of endpoint: HTTPURL) throws(Fault) -> String {
    let scheme = endpoint.isSecure ? "https://" : "http://"
    var host = endpoint.text.dropFirst(scheme.count).lowercased()
    if host.hasSuffix("/") { host.removeLast() }
    guard !host.contains(where: { "/?".contains($0) }) else { throw .endpoint }
    let usual = endpoint.isSecure ? ":443" : ":80"
    return host.hasSuffix(usual) ? String(host.dropLast(usual.count)) : host
  }

  /// The region that a host of a known provider names.
  private static func region(ofHost host: String) -> String? {
    if host.hasSuffix(".r2.cloudflarestorage.com") || host == google { return "auto" }
    for suffix in [".backblazeb2.com", aws] where host.hasPrefix("s3.") && host.hasSuffix(suffix) {
      let region = host.dropFirst("s3.".count).dropLast(suffix.count)
      return region.isEmpty || region.contains(".") ? nil : String(region)
    }
    return nil
  }
}

extension UInt8 {
  fileprivate var isLowercaseLetterOrDigit: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
  }
}
