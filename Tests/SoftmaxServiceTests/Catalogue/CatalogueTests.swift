import Testing

@testable import SoftmaxService

/// What must hold of the four tables, whatever stands in them; and that sets and lists hold what was put in.
struct CatalogueTests {
  @Test func namesAreUnique() {
    let names = RequestField.all.map(\.name)
    #expect(Set(names).count == names.count)
    let outputs = Output.allCases.map(\.name)
    #expect(Set(outputs).count == outputs.count)
    for operation in Operation.allCases {
      #expect(Set(operation.fields.map(\.name)).isDisjoint(with: operation.outputs.map(\.name)))
    }
  }

  @Test func aliasesLeadToOnePlace() {
    for operation in Operation.allCases {
      let fields = operation.fields
      let aliases = fields.flatMap(\.aliases)
      #expect(Set(aliases).count == aliases.count)
      #expect(Set(aliases).isDisjoint(with: fields.map(\.name)))
      let outputAliases = operation.outputs.flatMap(\.descriptor.aliases.names)
      #expect(Set(outputAliases).count == outputAliases.count)
      #expect(Set(outputAliases).isDisjoint(with: operation.outputs.map(\.name)))
    }
    let hints = NameSuggestion.hints.flatMap(\.names)
    #expect(Set(hints).isDisjoint(with: RequestField.all.flatMap { [$0.name] + $0.aliases }))
  }

  @Test func everythingBelongsToAnOperation() {
    for field in RequestField.all { #expect(!field.operations.isEmpty, "\(field.name)") }
    for output in Output.allCases {
      #expect(!output.descriptor.operations.operations.isEmpty, "\(output.name)")
      #expect(
        Set(output.descriptor.defaultOf.operations).isSubset(of: output.descriptor.operations.operations),
        "\(output.name)")
    }
    for operation in Operation.allCases { #expect(operation.defaultOutputs.isEmpty != operation.returnsTensors) }
  }

  @Test func everyParametersDefaultIsAllowed() {
    #expect(Output.allCases.count <= OutputList.room && Parameter.allCases.count == ParameterValues.room)
    let values = ParameterValues()
    for parameter in Parameter.allCases {
      #expect(values.isDefault(parameter))
      switch parameter.descriptor.kind {
      case .number(let value, let range): #expect(value.map { range.contains($0) } ?? true)
      case .integer(let value): #expect(value.map { $0.isFinite && $0.rounded() == $0 } ?? true)
      case .choice(let place, let names, let hints):
        #expect(names.indices.contains(place))
        #expect(Set(hints.keys).isDisjoint(with: names))
      }
    }
  }

  @Test func setsOfFieldsHoldWhatWasPutIn() {
    for field in RequestField.all {
      var set = FieldSet([field])
      #expect(RequestField.all.filter(set.contains) == [field])
      set.remove(field)
      #expect(RequestField.all.filter(set.contains).isEmpty)
    }
  }

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
