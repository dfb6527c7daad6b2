import Testing

@testable import Softmax

@Suite struct PerOutputTests {
  @Test(arguments: 0...PerOutput<Int>.room)
  func holdsAsManyElementsAsThereAreOutputs(count: Int) {
    let made = PerOutput(count: count) { $0 * $0 }
    var appended = PerOutput<Int>()
    for position in 0..<count { appended.append(position * position) }
    #expect(Array(made) == (0..<count).map { $0 * $0 })
    #expect(Array(appended) == Array(made))
  }

  @Test func changesOneElementAlone() {
    var list: PerOutput = [[1], [2], [3]]
    list[1].append(4)
    #expect(Array(list) == [[1], [2, 4], [3]])
  }

  /// Room for each kind of output once: a request names none twice.
  @Test func hasRoomForAllOutputsOfSoftmax() throws {
    let all: PerOutput<SoftmaxOutput> = [
      .probabilities, .logProbabilities, .logSumExp, .entropy, .argmax, .jacobian, .topIndices(1), .topProbabilities(1),
      .topLogProbabilities(1),
    ]
    let problem = try SoftmaxProblem(logits: [0, 0], layout: Layout(shape: [2], axis: 0), temperature: 1)
    let result = try problem.solve(all, Execution())
    #expect(result.probabilities == [0.5, 0.5])
    #expect(result.topLogProbabilities == result.logProbabilities.map { [$0[0]] })
  }
}
