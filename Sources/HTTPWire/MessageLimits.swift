/// Limits on the parts of one message.
package struct MessageLimits: Sendable {
  /// The request target. RFC 9112 section 3 recommends at least 8,000 bytes for a request line.
  package var maxTargetBytes = 8 * 1024
  /// The header section with the request line, up to the empty line. Webhook senders need about 500 bytes.
  package var maxHeaderSectionBytes = 16 * 1024
  package var maxFields = 100
  /// The content of one request; an application may allow less.
  package var maxBodyBytes = 8 * 1024 * 1024
  /// Chunk extensions and trailers of one body. They are skipped, and rarely used.
  package var maxChunkOverheadBytes = 16 * 1024
  /// One chunk-size line with its extensions.
  package var maxChunkLineBytes = 1024

  package init() {}
}
