@testable import Replicate
import Testing

/// Restoring erased data from the known body.
///
/// Replicate erases it an hour after the end.
@Suite struct ErasedDataTests {
  private static let known =
    #"{"id":"p","status":"processing","input":{"prompt":"a \"cat\"","n":1.50},"#
    + #""output":["a","b"],"logs":"12%\n"}"#

  @Test(
    arguments: [
      // As documented: input empty, output and logs null.
      (
        #"{"id":"p","status":"succeeded","input":{},"output":null,"logs":null,"data_removed":true}"#,
        #"{"id":"p","status":"succeeded","input":{"prompt":"a \"cat\"","n":1.50},"output":["a","b"],"#
          + #""logs":"12%\n","data_removed":true}"#
      ),
      // In any other order, with white space, absent, or empty in another way.
      (
        #"{ "data_removed" : true, "logs":"" , "output":[ ], "input":{ }, "id":"p", "x":{"input":{}} }"#,
        #"{ "data_removed" : true, "logs":"12%\n" , "output":["a","b"], "#
          + #""input":{"prompt":"a \"cat\"","n":1.50}, "id":"p", "x":{"input":{}} }"#
      ),
      (
        #"{"id":"p","data_removed":true}"# + "\n",
        #"{"id":"p","data_removed":true,"input":{"prompt":"a \"cat\"","n":1.50},"output":["a","b"],"#
          + #""logs":"12%\n"}"# + "\n"
      ),
      // Present members stay.
      (
        #"{"id":"p","input":{"prompt":"b"},"output":false,"logs":null}"#,
        #"{"id":"p","input":{"prompt":"b"},"output":false,"logs":"12%\n"}"#
      ),
      // The last of repeated names counts.
      (
        #"{"input":{"a":1},"input":{},"output":1,"logs":"x"}"#,
        #"{"input":{"a":1},"input":{"prompt":"a \"cat\"","n":1.50},"output":1,"logs":"x"}"#
      ),
      (#"{"id":"p","input":{"a":1},"output":0,"logs":"x"}"#, nil), ("[]", nil), ("{", nil), ("", nil),
    ] as [(String, String?)])
  func `erased members come from the known body`(_ body: String, _ expected: String?) {
    #expect(restored(body, Self.known) == expected)
  }

  @Test(arguments: [
    #"{"id":"p","input":{},"output":null,"logs":""}"#, #"{"id":"p"}"#, "", "{", "[1]",
  ])
  func `an empty known body adds nothing`(_ known: String) {
    #expect(restored(#"{"id":"p","input":{},"output":null,"logs":null,"data_removed":true}"#, known) == nil)
  }

  private func restored(_ body: String, _ known: String) -> String? {
    let (body, known) = (Array(body.utf8), Array(known.utf8))
    return ErasedData.restoredBody(body.span, from: known.span).map { String(decoding: $0, as: UTF8.self) }
  }
}
