internal import Kernels

/// The outputs of softmax under construction.
struct SoftmaxShelves {
  let layout: Layout
  let probabilities: Shelf<Double>?
  let logProbabilities: Shelf<Double>?
  let logSumExp: Shelf<Double>?
  let entropy: Shelf<Double>?
  let jacobian: Shelf<Double>?
  let argmax: Shelf<Int>?

  init(_ outputs: SoftmaxOutputs, _ layout: Layout) {
    func shelf(_ output: SoftmaxOutputs, _ count: Int) -> Shelf<Double>? {
      outputs.contains(output) ? Shelf(repeating: 0, count: count) : nil
    }
    self.layout = layout
    probabilities = shelf(.probabilities, layout.count)
    logProbabilities = shelf(.logProbabilities, layout.count)
    logSumExp = shelf(.logSumExp, layout.batch)
    entropy = shelf(.entropy, layout.batch)
    let square = outputs.contains(.jacobian) ? layout.batch * layout.classes * layout.classes : 0
    jacobian = shelf(.jacobian, square)
    argmax = outputs.contains(.argmax) ? Shelf(repeating: 0, count: layout.batch) : nil
  }

  /// Puts away item n's result at a position of an output.
  func put(_ output: SoftmaxOutputs, item n: Int, at position: Int, _ value: Double) {
    switch output {
    case .probabilities: probabilities?[layout.start(of: n) + position * layout.inner] = value
    case .logProbabilities: logProbabilities?[layout.start(of: n) + position * layout.inner] = value
    case .logSumExp: logSumExp?[n] = value
    case .entropy: entropy?[n] = value
    default: jacobian?[n * layout.classes * layout.classes + position] = value
    }
  }

  /// All of them, when no thread writes any more.
  var result: SoftmaxResult {
    var result = SoftmaxResult()
    result.probabilities = probabilities?.elements
    result.logProbabilities = logProbabilities?.elements
    result.logSumExp = logSumExp?.elements
    result.entropy = entropy?.elements
    result.argmax = argmax?.elements
    result.jacobian = jacobian?.elements
    return result
  }
}

/// The first stage of softmax for one thread: answers what it can prove, and says what it cannot.
struct FastSoftmax {
  private let problem: SoftmaxProblem
  private let shelves: SoftmaxShelves
  /// 2^this is more than 1/T: what the Jacobian's entries may be above a probability.
  private let exponent: Int

  init(_ problem: SoftmaxProblem, _ shelves: SoftmaxShelves) {
    self.problem = problem
    self.shelves = shelves
    exponent = shelves.jacobian == nil ? 0 : max(0, 2 - Int(problem.temperature.exponent))
  }

  /// Answers item n. - Returns: the numbers of the questions left open, as ``SoftmaxQuestions`` numbers them.
  func settle(_ n: Int, _ row: inout FastRow, _ gatherer: inout Gatherer) -> [Int] {
    gatherer.read(problem.logits, n) { logits in settle(n, logits, &row) }
  }

  private func settle(_ n: Int, _ logits: Span<Double>, _ row: inout FastRow) -> [Int] {
    row.read(logits, exponent: exponent)
    shelves.argmax?[n] = row.top.index
    var questions = OpenNumbers()
    let classes = logits.count
    if let shelf = shelves.probabilities {
      problem.layout.write(shelf, n) { out in
        questions.add(row.probabilities(into: &out), of: out)
      }
    }
    if let shelf = shelves.logProbabilities {
      problem.layout.write(shelf, n) { out in
        questions.add(row.logProbabilities(logits, into: &out), of: out)
      }
    }
    if let shelf = shelves.logSumExp {
      shelf[n] = row.logSumExp
      questions.add(shelf[n])
    }
    if let shelf = shelves.entropy {
      shelf[n] = row.entropy(logits)
      questions.add(shelf[n])
    }
    if let shelf = shelves.jacobian {
      for l in 0..<classes {
        let start = (n * classes + l) * classes
        shelf.write(start..<(start + classes)) { out in
          questions.add(row.jacobian(l, isMasked: logits[l] == -.infinity, into: &out), of: out)
        }
      }
    }
    return questions.open
  }
}

/// Numbers questions as they are answered, and keeps those that were answered with NaN.
struct OpenNumbers {
  private(set) var open: [Int] = []
  private var next = 0

  /// Takes a row of answers, so many of them NaN.
  mutating func add(_ count: Int, of answers: borrowing MutableSpan<Double>) {
    if count > 0 {
      for i in 0..<answers.count where answers[i].isNaN { open.append(next + i) }
    }
    next += answers.count
  }

  /// Takes one answer.
  mutating func add(_ answer: Double) {
    if answer.isNaN { open.append(next) }
    next += 1
  }
}
