/// A step as the generator makes it.
package struct PlannedStep {
  package var name = ""
  var input: [Formula] = []
  var after: [String] = []
  /// The place in a step's output that must be the number, and whether the step is a gate.
  var condition: (step: String, equals: Int, isGate: Bool)?
  var list: Formula?
  package var skipsFailures = false
  var parallel = 1
  var fallbacks = 0
  package var isOptional = false
  /// How often a job is created again after an interruption.
  package var retries = 0

  package var isFanOut: Bool { list != nil }

  var text: String {
    var members = [
      #""name":"\#(name)","model":"acme/m0","input":{"x":[\#(input.map(\.text).joined(separator: ","))]}"#
    ]
    // Outputs of graphs may be empty.
    members.append(#""expect":{"allow_empty":true}"#)
    if retries > 0 { members.append(#""retries":\#(retries)"#) }
    if !after.isEmpty { members.append(#""after":[\#(after.map { "\"\($0)\"" }.joined(separator: ","))]"#) }
    if let condition {
      let member = condition.isGate ? "require" : "when"
      members.append(#""\#(member)":{"$from":"\#(condition.step)","equals":\#(condition.equals)}"#)
    }
    if let list {
      members.append(#""for_each":\#(list.text),"max_items":6,"parallel":\#(parallel)"#)
      if skipsFailures { members.append(#""on_item_failure":"skip""#) }
    }
    if fallbacks > 0 {
      let models = (1...fallbacks).map { #"{"model":"acme/m\#($0)"}"# }
      members.append(#""fallback":[\#(models.joined(separator: ","))]"#)
    }
    if isOptional { members.append(#""optional":true"#) }
    return "{\(members.joined(separator: ","))}"
  }
}
