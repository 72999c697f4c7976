import BlobStores
import BucketStub
import Foundation
import HTTPClient
import LiveDaemon
import Testing
import Time

@testable import S3

/// Signatures, compared with those of botocore, the library of AWS.
@Suite(.enabled(if: OfficialLibraries.hasBoto, "boto3 is not installed"))
struct OracleTests {
  private struct Case: Codable {
    var method: String
    var url: String
    var fields: [String: String]
    var digest: String
    var token: String?
    /// Of a presigned link; nil for a signature in the fields.
    var seconds: Int?
  }

  private static let now = Timestamp(rfc3339: "2026-09-01T12:30:45Z") ?? .distantFuture
  private static let names = [
    "a", "a b", "a=b", "a+b", "ü", "~", "(1)", "%20", "a&b", "?", "#", "*", "'", "!", ",", ";", ":", "@", "$",
    "..a", "日本", "😀", "\"", "<>", "[x]", "{y}", "|", "^", "`", "\\",
  ]

  @Test func `each signature is that of botocore`() throws {
    var cases: [Case] = []
    var own: [String] = []
    for (index, name) in Self.names.enumerated() {
      let token = index % 3 == 0 ? "tok/en+\(index)==" : nil
      let signature = SignatureV4(TestKey.credentials(token: token), region: "eu-test-1")
      let endpoint = ["https://s3.example.test", "https://s3.example.test:9000", "http://127.0.0.1:80"][
        index % 3]
      let bucket = try S3Bucket("outputs/\(name)", endpoint: .init(endpoint), region: "eu-test-1")
      let target = bucket.target(for: "sha256/ab/cd")
      for method in ["PUT", "GET", "HEAD", "DELETE"] {
        let fields = method == "PUT" ? [("Content-Type", "image/png;  charset=\(index)")] : []
        let digest = method == "PUT" ? Spool.digest(Array(name.utf8)) : SignatureV4.emptyDigest
        cases.append(
          Case(
            method: method, url: target.url, fields: Dictionary(uniqueKeysWithValues: fields), digest: digest,
            token: token))
        let signed = signature.fields(
          signing: method, host: target.host, path: target.path, fields: fields, digest: digest, at: Self.now)
        let authorization = signed?.first { $0.name == "Authorization" }?.value ?? ""
        own.append(String(authorization.suffix(64)))
      }
      let query = [("response-content-disposition", "inline; filename=\"\(name)\""), ("X", name), ("x", "")]
      for method in ["GET", "HEAD"] {
        cases.append(
          Case(
            method: method,
            url: target.url + "?" + query.map { "\($0.0)=\(Self.encoded($0.1))" }.joined(separator: "&"),
            fields: [:], digest: "", token: token, seconds: index + 1))
        let presigned = signature.query(
          presigning: method, host: target.host, path: target.path, query: query, for: index + 1, at: Self.now
        )
        own.append(String((presigned ?? "").suffix(64)))
      }
    }
    let input = String(decoding: try JSONEncoder().encode(cases), as: UTF8.self)
    let result = try OfficialLibraries.run(Self.signer, [input])
    #expect(result.status == 0, "\(result.error)")
    let theirs = result.output.split(separator: "\n").map(String.init)
    #expect(theirs.count == cases.count)
    for (index, pair) in zip(own, theirs).enumerated() where pair.0 != pair.1 {
      Issue.record("\(cases[index])")
    }
  }

  private static func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
  }

  private static let signer = """
    import datetime, json, sys
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    now = datetime.datetime(2026, 9, 1, 12, 30, 45)
    botocore.auth.get_current_datetime = lambda *a, **k: now
    for case in json.loads(sys.argv[1]):
      keys = Credentials('\(TestKey.id)', '\(TestKey.secret)', case.get('token'))
      request = AWSRequest(method=case['method'], url=case['url'], headers=case['fields'])
      if case.get('seconds'):
        signer = botocore.auth.S3SigV4QueryAuth(keys, 's3', 'eu-test-1', expires=case['seconds'])
        signer.add_auth(request)
        print(request.url[-64:])
      else:
        signer = botocore.auth.S3SigV4Auth(keys, 's3', 'eu-test-1')
        signer.payload = lambda request, digest=case['digest']: digest
        signer.add_auth(request)
        print(request.headers['Authorization'][-64:])
    """

  /// The stand-in is worth as much as its check: another client must find it right.
  @Test func `the stand-in accepts what boto3 signs, and nothing that was changed`() throws {
    let stub = try TestKey.stub()
    let result = try OfficialLibraries.run(Self.client, [stub.endpoint])
    #expect(result.status == 0, "\(result.error)")
    #expect(stub.lines.contains { $0.hasSuffix(" 400") })
    #expect(
      result.output.split(separator: "\n").map(String.init) == [
        "200", "b'content'", "206 b'on'", "204", "404 NoSuchKey", "403 SignatureDoesNotMatch",
        // With another region, boto3 reads the right one in the refusal, and repeats the request.
        "403 InvalidAccessKeyId", "200", "200 b'content' text/x", "403", "400 InvalidArgument",
      ])
  }

  private static let client = """
    import boto3, sys, urllib.error, urllib.request
    from botocore.config import Config
    from botocore.exceptions import ClientError
    def client(secret='\(TestKey.secret)', key='\(TestKey.id)', region='eu-test-1', checks='when_required'):
      return boto3.client('s3', endpoint_url=sys.argv[1], region_name=region, aws_access_key_id=key,
        aws_secret_access_key=secret, config=Config(signature_version='s3v4', s3={'addressing_style': 'path'},
        request_checksum_calculation=checks, retries={'max_attempts': 1}))
    def code(call, *arguments, **named):
      try: return call(*arguments, **named)['ResponseMetadata']['HTTPStatusCode']
      except ClientError as error:
        status = error.response['ResponseMetadata']['HTTPStatusCode']
        return '%s %s' % (status, error.response['Error']['Code'])
    place = dict(Bucket='outputs', Key="a b/ü+(1)=~'*!$&.png")
    s3 = client()
    print(code(s3.put_object, Body=b'content', ContentType='image/png', **place))
    print(s3.get_object(**place)['Body'].read())
    part = s3.get_object(Range='bytes=1-2', **place)
    print(part['ResponseMetadata']['HTTPStatusCode'], part['Body'].read())
    other = dict(Bucket='outputs', Key='other')
    s3.put_object(Body=b'x', **other)
    print(code(s3.delete_object, **other))
    print(code(s3.get_object, **other))
    print(code(client(secret='x').get_object, **place))
    print(code(client(key='x').get_object, **place))
    print(code(client(region='us-east-1').get_object, **place))
    parameters = dict(ResponseContentType='text/x', **place)
    url = s3.generate_presigned_url('get_object', Params=parameters, ExpiresIn=60)
    answer = urllib.request.urlopen(url)
    print(answer.status, answer.read(), answer.headers['Content-Type'])
    try: print(urllib.request.urlopen(url.replace('text%2Fx', 'text%2Fy')).status)
    except urllib.error.HTTPError as error: print(error.code)
    print(code(client(checks='when_supported').put_object, Body=b'content', **place))
    """
}
