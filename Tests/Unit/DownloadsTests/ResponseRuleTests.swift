import Bytes
@testable import Downloads
import Testing
import Time

@Suite struct ResponseRuleTests {
  @Test(arguments: [
    ("bytes 0-9/10", 0, 9, 10), ("BYTES 5-9/10", 5, 9, 10),
  ])
  func `a content range is parsed`(_ value: String, _ first: Int, _ last: Int, _ total: Int) {
    let range = ContentRange(value)
    #expect(range?.first == first && range?.last == last && range?.total == total)
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-9", "bytes 0-9/*", "bytes */10", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-9/10",
    "bytes +0-9/10", "items 0-9/10", "bytes 0-9/10 ", "bytes 0-99999999999999999999/999999999999999999999",
    "bytes  0-9/10",
  ])
  func `another content range is none`(_ value: String) {
    #expect(ContentRange(value) == nil)
  }

  @Test(arguments: [
    ("\"a\"", true), ("\"\"", true), ("W/\"a\"", false), ("a", false), ("\"a", false), ("a\"", false),
    ("\"a\"b\"", false),
    ("\"", false),
    ("\"a b\"", false), ("\"" + String(repeating: "a", count: 300) + "\"", false),
  ])
  func `a range needs a strong entity tag`(_ value: String, _ isStrong: Bool) {
    #expect(EntityTag.strong(value) == (isStrong ? value : nil))
  }

  @Test(arguments: [
    (["crc32c=yZRlqg==", "md5=XrY7u+Ae7tCTyyK7j1rNww=="], true),
    (["crc32c=yZRlqg==,md5=XrY7u+Ae7tCTyyK7j1rNww=="], true),
    (["crc32c=yZRlqg==, md5=XrY7u+Ae7tCTyyK7j1rNww=="], true), (["crc32c=yZRlqg=="], false),
  ])
  func `the strongest checksum counts`(_ values: [String], _ isMD5: Bool) {
    // Of "hello world".
    let md5: [UInt8] = [
      0x5E, 0xB6, 0x3B, 0xBB, 0xE0, 0x1E, 0xEE, 0xD0, 0x93, 0xCB, 0x22, 0xBB, 0x8F, 0x5A, 0xCD, 0xC3,
    ]
    #expect(SourceChecksum(values: values, storedCoding: nil) == (isMD5 ? .md5(md5) : .crc32c(0xC994_65AA)))
    #expect(SourceChecksum(values: values, storedCoding: "gzip") == nil)
    #expect(SourceChecksum(values: values, storedCoding: "identity") != nil)
    for checksum in [SourceChecksum.md5(md5), .crc32c(0xC994_65AA)] {
      var digests = ContentDigests(comparing: checksum)
      digests.update(Array("hello ".utf8).span)
      digests.update(Array("world".utf8).span)
      #expect(digests.finish() == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
      var others = ContentDigests(comparing: checksum)
      others.update(Array("hello worle".utf8).span)
      #expect(others.finish() == nil)
    }
  }

  @Test(arguments: [
    [], [""], ["md5="], ["md5=aGk="], ["crc32c=aGk="], ["sha1=yZRlqg=="], ["md5"], ["MD5 = x"],
    ["md5=XrY7u+Ae7tCTyyK7j1rNww"],
  ])
  func `a malformed checksum is none`(_ values: [String]) {
    #expect(SourceChecksum(values: values, storedCoding: nil) == nil)
  }

  /// RFC 9260 and RFC 3720 section B.4.
  @Test func `CRC-32C has the values of its specification`() {
    for (bytes, value) in [
      (Array("123456789".utf8), 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(UInt8(0)..<32), 0x46DD_794E), ([], 0),
    ] as [([UInt8], UInt32)] {
      for split in 0...bytes.count {
        var checksum = CRC32C()
        checksum.update(Array(bytes[..<split]).span)
        checksum.update(Array(bytes[split...]).span)
        #expect(checksum.value == value)
      }
    }
  }

  @Test(
    arguments: [
      (401, .denied, .afterExpiry), (403, .denied, .afterExpiry), (404, .notFound, .afterExpiry),
      (410, .notFound, .afterExpiry), (408, .sourceBusy, .never), (425, .sourceBusy, .never),
      (429, .sourceBusy, .never), (500, .sourceBusy, .never), (503, .sourceBusy, .never),
      (599, .sourceBusy, .never),
      (400, .refused, .afterThreeTries), (418, .refused, .afterThreeTries), (204, .refused, .afterThreeTries),
      (300, .refused, .afterThreeTries), (304, .refused, .afterThreeTries),
    ] as [(Int, DownloadFailure.Code, DownloadFailure.Finality)])
  func `a status has a code`(
    _ status: Int, _ code: DownloadFailure.Code, _ finality: DownloadFailure.Finality
  ) {
    let failure = DownloadFailure(
      status: status, host: "a.test", retryAfter: "7", now: Timestamp(unixSeconds: 0))
    #expect(failure.code == code && failure.code.finality == finality)
    #expect(failure.message == "\(status) from a.test")
    #expect(failure.retryAfter == (code == .sourceBusy ? .seconds(7) : nil))
  }

  @Test(
    arguments: [
      ("0", .seconds(0)), ("99999999", .seconds(3600)), ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil),
      ("Thu, 01 Jan 1970 00:01:40 GMT", .seconds(40)), ("Thu, 01 Jan 1970 00:00:10 GMT", nil),
      ("Thu, 01 Jan 2070 00:00:10 GMT", .seconds(3600)),
    ] as [(String, Duration?)])
  func `a pause is read in both forms and bounded`(_ value: String, _ pause: Duration?) {
    let failure = DownloadFailure(
      status: 503, host: "a", retryAfter: value, now: Timestamp(unixSeconds: 60))
    #expect(failure.retryAfter == pause)
  }
}
