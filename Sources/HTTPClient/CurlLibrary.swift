internal import CCurl

/// The libcurl library that was loaded.
package enum CurlLibrary {
  /// Such as `7.88.1`.
  package static var version: String { String(cString: ccurl_version()) }
}
