import Testing

@testable import SoftmaxService

/// What the descriptors hold in place holds what was put in.
struct CatalogueSetsTests {
  @Test func operationSetsHoldTheirOperations() {
    #expect(OperationSet.all.operations == Operation.allCases)
    let none: OperationSet = []
    #expect(none.operations.isEmpty)
    for operation in Operation.allCases {
      let one: OperationSet = [operation]
      #expect(one.operations == [operation])
      #expect(Operation.allCases.filter(one.contains) == [operation])
    }
  }

  @Test func nameListsAreSplitAtSpaces() {
    let none: NameList = ""
    let two: NameList = "lse log_sum"
    #expect(none.names.isEmpty && two.names == ["lse", "log_sum"])
  }

  @Test(arguments: [[], [.loss], Output.allCases, Output.allCases.reversed()] as [[Output]])
  func outputListsKeepTheOrder(_ outputs: [Output]) {
    var appended = OutputList()
    for output in outputs + outputs { appended.append(output) }
    for list in [OutputList(outputs), appended] {
      #expect(Array(list) == outputs && list.count == outputs.count && list.isEmpty == outputs.isEmpty)
      for output in Output.allCases { #expect(list.contains(output) == outputs.contains(output)) }
    }
  }
}
