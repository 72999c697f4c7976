@testable import Downloads
import Testing

@Suite struct MediaTypeTests {
  @Test(
    arguments: [
      ("image/png", "image/png"), ("IMAGE/PNG; a=b", "image/png"),
      ("text/plain; charset=UTF-8", "text/plain; charset=utf-8"),
      ("text/html;charset=\"utf-8\"", "text/html; charset=utf-8"),
      ("text/plain; charset=\"a\r\nb\"", "text/plain"),
      ("image/png; charset=utf-8", "image/png"), ("image", nil), ("image/", nil), ("/png", nil),
      ("a/b/c", nil),
      ("", nil), ("image/p ng", nil), ("image/png\r\nX: y", nil), ("ü/png", nil),
      ("image/png,text/html", nil),
      ("a/" + String(repeating: "b", count: 200), nil),
    ] as [(String, String?)])
  func `a type is parsed strictly`(_ value: String, _ expected: String?) {
    #expect(MediaType(value)?.description == expected)
  }

  @Test(arguments: [
    ("application/vnd.apple.mpegurl", true), ("audio/x-mpegURL", true), ("application/dash+xml", true),
    ("audio/mpeg", false), ("video/mp4", false),
  ])
  func `a playlist is known by its type`(_ value: String, _ isPlaylist: Bool) {
    #expect(MediaType(value)?.isPlaylist == isPlaylist)
  }

  private static let samples: [([UInt8], String)] = [
    ([0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A], "image/png"), ([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg"),
    (Array("GIF89a".utf8), "image/gif"), (Array("RIFF....WEBPVP8 ".utf8), "image/webp"),
    (Array("RIFF....WAVEfmt ".utf8), "audio/wav"), ([0, 0, 0, 0x18] + Array("ftypmp42".utf8), "video/mp4"),
    ([0, 0, 0, 0x18] + Array("ftypavif".utf8), "image/avif"),
    ([0, 0, 0, 0x18] + Array("ftypqt  ".utf8), "video/quicktime"),
    ([0, 0, 0, 0x18] + Array("ftypM4A ".utf8), "audio/mp4"),
    ([0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3] + Array("webm".utf8), "video/webm"),
    ([0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3] + Array("matroska".utf8), "video/x-matroska"),
    (Array("ID3\u{3}".utf8), "audio/mpeg"), ([0xFF, 0xFB, 0x90, 0x64], "audio/mpeg"),
    (Array("OggS\0".utf8), "audio/ogg"), (Array("fLaC".utf8), "audio/flac"),
    (Array("%PDF-1.7".utf8), "application/pdf"),
    ([0x50, 0x4B, 3, 4], "application/zip"), ([0x1F, 0x8B, 8], "application/gzip"),
    ([UInt8](repeating: 0, count: 257) + Array("ustar".utf8), "application/x-tar"),
    (Array("glTF".utf8), "model/gltf-binary"),
  ]

  @Test(arguments: samples)
  func `the first bytes show a type`(_ bytes: [UInt8], _ type: String) {
    #expect(MediaSignature.type(of: bytes.span) == type)
    // No prefix of it is read beyond its end.
    for count in 0..<bytes.count { _ = MediaSignature.type(of: Array(bytes.prefix(count)).span) }
  }

  @Test(arguments: [
    "", "<svg xmlns=", "<!DOCTYPE html>", "{\"a\": 1}", "hello", "\u{FF}", "RIFF", "RIFF....AVI ",
  ])
  func `text and others show none`(_ text: String) {
    #expect(MediaSignature.type(of: Array(text.utf8).span) == nil)
  }

  @Test(
    arguments: [
      ("image/gif", "GIF89a", "a.png", "image/gif"),
      ("application/octet-stream", "GIF89a", "a.png", "image/gif"),
      ("binary/octet-stream", "x", "a.png", "image/png"), (nil, "x", "a.JSON", "application/json"),
      ("", "x", "a", "application/octet-stream"), ("garbage", "<svg", "a.svg", "image/svg+xml"),
      (nil, "<html>", "a.xyz", "application/octet-stream"),
      ("text/plain;charset=utf-8", "GIF89a", "", "text/plain; charset=utf-8"),
    ] as [(String?, String, String, String)])
  func `the answer counts before the content and that before the name`(
    _ declared: String?, _ start: String, _ name: String, _ expected: String
  ) {
    #expect(
      MediaType.of(declared: declared, start: Array(start.utf8).span, name: name).description == expected)
  }
}
