@testable import Replicate
import Simulation
import Testing

private func reason(_ body: String) -> String? {
  let bytes = Array(body.utf8)
  guard case .invalid(_, let message)? = APIFailure(status: 422, retryAfter: nil, body: bytes.span) else {
    return nil
  }
  return message
}

/// The reason of an error answer is read from any JSON.
@Suite struct ReasonTextTests {
  @Test(
    arguments: [
      // FastAPI, with and without a location, and as pydantic 2 repeats the input.
      (
        #"{"detail":[{"loc":["body","input","width"],"#
          + #""msg":"value is not a valid integer","type":"type_error"}]}"#,
        "body.input.width: value is not a valid integer"
      ),
      (
        #"{"detail":[{"type":"missing","loc":["body","input",0,"prompt"],"#
          + #""msg":"Field required","input":{"msg":"no"}},{"loc":[],"msg":"second"}]}"#,
        "body.input.0.prompt: Field required; second"
      ),
      (#"{"detail":["x","y"]}"#, "x; y"), (#"{"detail":{"message":"no such thing"}}"#, "no such thing"),
      (#"{"detail":{"error":{"message":"deep"}}}"#, "deep"),
      // Django REST framework, by field.
      (#"{"detail":{"version":["This field is required."]}}"#, "version: This field is required."),
      (#"{"detail":{"input":{"seed":["a","b"]}}}"#, "input.seed: a; input.seed: b"),
      (
        #"{"title":"Input validation failed","status":422,"invalid_fields":"#
          + #"[{"type":"required","field":"input.prompt","description":"prompt is required"}]}"#,
        "Input validation failed: input.prompt: prompt is required"
      ),
      (
        #"{"detail":"- input: prompt is required\n","title":"Input validation failed","invalid_fields":"#
          + #"[{"field":"input","description":"prompt is required"}]}"#, "- input: prompt is required"
      ),
      (#"{"detail":{"msg":null,"title":"t"}}"#, "t"),
      (#"{"detail":null,"title":"t"}"#, "t"), (#"{"detail":{},"title":"t"}"#, "t"),
      (#"{"detail":1,"title":"t"}"#, "t"), (#"{"detail":[[[[["too deep"]]]]],"title":"t"}"#, "t"),
    ])
  func aReasonOfAnyTypeIsRead(_ body: String, _ expected: String) {
    #expect(reason(body) == expected)
  }

  @Test func `a reason has a maximum length`() throws {
    let many = "[" + Array(repeating: #"{"loc":["a"],"msg":"b"}"#, count: 1000).joined(separator: ",") + "]"
    #expect(reason(#"{"detail":\#(many)}"#) == Array(repeating: "a: b", count: 8).joined(separator: "; "))
    let long = try #require(reason(#"{"detail":"\#(String(repeating: "word ", count: 100_000))"}"#))
    #expect(long.hasPrefix("word word") && long.utf8.count <= 300)
    let nested = String(repeating: #"{"detail":"#, count: 900) + "1" + String(repeating: "}", count: 900)
    #expect(reason(nested) == "Replicate answered 422")
  }

  @Test(arguments: 0..<4)
  func nothingTraps(_ seed: Int) {
    var mutation = Mutation(seed: UInt64(seed))
    for _ in 0..<2000 {
      let body = mutation.mutate(
        #"{"detail":[{"loc":["body",0],"msg":"a\u00e9"}],"#
          + #""invalid_fields":[{"field":"x","description":["y"]}]}"#
      )
      _ = APIFailure(status: 422, retryAfter: nil, body: body.span)
    }
  }
}
