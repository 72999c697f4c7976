/// Bounds on the parts of one message.
package struct MessageLimits: Sendable {
  /// RFC 9112 section 3 recommends at least 8,000 bytes for a request line.
  package var maxTargetBytes = 8 * 1024
  /// From the method to the empty line. Senders of webhooks need about 500 bytes.
  package var maxHeaderSectionBytes = 16 * 1024
  package var maxFields = 100
  /// The content of one request; an application may want less.
  package var maxBodyBytes = 8 * 1024 * 1024
  /// Chunk extensions and trailers of one body: nobody uses them, so they get room to be skipped and no more.
  package var maxChunkOverheadBytes = 16 * 1024
  /// One chunk-size line with its extensions.
  package var maxChunkLineBytes = 1024

  package init() {}
}
