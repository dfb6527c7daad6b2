import HTTP
import Testing

@testable import SoftmaxService

/// Results that are half-way between two numbers, exactly or except for parts far below every place.
@Suite("Ties that exact sums decide")
struct ExactTieTests {
  static let extremes = [
    (
      #"{"logits":[1e300,1e300,1,2],"target":0,"vector":[67108868,0,3,1],"dtype":"float32","outputs":["hessian_vector_product"]}"#,
      "[16777216.0,-16777216.0,0.0,0.0]"
    ),
    (
      #"{"logits":[1e300,1,2,3],"target_logits":[1e300,2,1,5],"label_smoothing":0.1,"outputs":["gradient"]}"#,
      "[0.07500000000000001,-0.025,-0.025,-0.025]"
    ),
    (
      #"{"logits":[1e300,1e300,1,2],"target_logits":[1e300,1e300,1,2],"weight":[3,0.5,1,1],"upstream":26843576,"dtype":"float32","outputs":["gradient"]}"#,
      "[-16777234.0,16777234.0,0.0,0.0]"
    ),
    (
      #"{"logits":[1,1,1e-100,2e-100],"target_logits":[1,1,1e-100,2e-100],"weight":[3,0.5,1,1],"temperature":6.653062250012736e-111,"upstream":1.7859198214094787e-103,"dtype":"float32","outputs":["gradient"]}"#,
      "[-16777234.0,16777234.0,0.0,0.0]"
    ),
  ]

  @Test("Exponents farther apart than any arithmetic's bits", arguments: extremes)
  func extremeExponents(request: String, entries: String) { expect("/gradient", request, entries) }

  static let perplexities = [
    (#""logits":\#(level(19, of: 7)),"target":\#(zeros(19)),"divisor":1"#, "1.1398895185373144e16"),
    (#""logits":\#(zeros(259)),"target":0,"label_smoothing":0.1,"dtype":"bfloat16""#, "260.0"),
    (#""logits":\#(zeros(259)),"target":[1\#(String(repeating: ",0", count: 258))],"dtype":"bfloat16""#, "260.0"),
    (#""logits":\#(zeros(259)),"target":0,"divisor":1,"dtype":"bfloat16""#, "260.0"),
    (
      #""logits":\#(masked([7, 37], to: 37)),"target":[0,0],"sample_weight":[2,2],"divisor":2,"dtype":"bfloat16""#,
      "260.0"
    ),
    (
      #""logits":\#(masked([2, 2, 2, 2, 3, 3, 5, 7, 13], to: 13)),"target":\#(zeros(9)),"divisor":1,"dtype":"float16""#,
      #""Infinity""#
    ),
    // Roots of whole numbers that are no ties, and ones that are.
    (#""logits":\#(masked([9, 4], to: 9)),"target":[0,0]"#, "6.0"),
    (#""logits":\#(zeros(67081)),"target":0,"divisor":2,"dtype":"bfloat16""#, "260.0"),
    (#""logits":\#(zeros(3)),"target_logits":\#(zeros(3)),"weight":[1,1,4],"divisor":0.375"#, "350.46664558470025"),
    // Teachers whose weights have rational means, of as many classes in one row as in the other or not.
    (
      #""logits":\#(level(2, of: 7)),"target_logits":[[0,2,2,8,8,8,\#(no)],[8,0,0,2,2,2,\#(no)]],"weight":[3,2,4,1,5,3,1],"dtype":"bfloat16""#,
      "344.0"
    ),
    (
      #""logits":\#(level(2, of: 7)),"target_logits":[[0,0,\#(nos(5))],[0,\#(nos(6))]],"weight":[3,3,1,1,1,1,1],"dtype":"bfloat16""#,
      "344.0"
    ),
    // A row with one class adds nothing, whatever its weights.
    (
      #""logits":[\#(zeros(17)),[0,\#(nos(16))]],"target_logits":[[0,0,\#(nos(15))],[0,\#(nos(16))]],"weight":[4,0,1\#(String(repeating: ",1", count: 14))],"divisor":1,"dtype":"bfloat16""#,
      "288.0"
    ),
    // (1 - 1/17) 17 log 17 / 8 = 2 log 17.
    (
      #""logits":\#(zeros(17)),"target":0,"weight":[17\#(String(repeating: ",1", count: 16))],"focal_gamma":1,"divisor":8,"dtype":"bfloat16""#,
      "288.0"
    ),
    // A faint class more: above half-way.
    (#""logits":\#(zeros(257, then: -1e9)),"target":0,"dtype":"bfloat16""#, "258.0"),
    (#""logits":\#(zeros(257, then: -11000)),"target":0,"dtype":"bfloat16""#, "258.0"),
    (#""logits":\#(zeros(2049, then: -1e9)),"target":0,"dtype":"float16""#, "2050.0"),
  ]

  /// LSE of the second row is 5e-93, and λ LSE² some number up to λ 2^-606 as far as 256 bits tell.
  static let penalties = [
    (
      "[-0.25,-1.5086915494460322,-38.373501613214735,-71.28699931044213,-103.43533770764908,-136.12743249541427,-168.3709099583229]",
      "[1,1,1,1,1,1,1]", "6.378463709044095e173", "9.487735836358526"
    ), (nearlyCancelled, "[0,1,1,1,1,1,1,1]", "1e184", "1.2771126020052004"),
    (nearlyCancelled, "[0,1,1,1,1,1,1,1]", "1e185", "11.542287920573129"),
    (nearlyCancelled, "[0,1,1,1,1,1,1,1]", "1.7e308", #""Infinity""#),
  ]
  private static let nearlyCancelled =
    "[-0.2495435087091941,-1.5103004297581744,-42.204113481237236,-75.90240366301926,-109.40703597230443,-143.7002312452281,-175.33854166560687,-206.754090380534]"

  @Test("Where LSE nearly cancels, e^loss waits until the loss is known", arguments: penalties)
  func perplexityBesidePenalty(logits: String, weight: String, lambda: String, value: String) {
    let request = #""logits":\#(logits),"target":0,"weight":\#(weight),"divisor":1,"z_loss":\#(lambda)"#
    expect("/loss", #"{\#(request),"outputs":["perplexity"]}"#, #""perplexity":\#(value)}"#)
  }

  @Test("A perplexity of level rows is told by its primes", arguments: perplexities)
  func perplexity(request: String, value: String) {
    expect("/loss", #"{\#(request),"outputs":["perplexity"]}"#, #""perplexity":\#(value)}"#)
  }

  static let derivatives = [
    // A level teacher with uneven weights, beside a cap that leaves zeros alone and a penalty of a row with one class.
    (
      #""logits":[0,0,0],"target_logits":[0,0,0],"weight":[1,1,4],"softcap":1,"upstream":50331657,"dtype":"float32","outputs":["gradient"]"#,
      "[16777220.0,16777220.0,-33554440.0]"
    ),
    (
      #""logits":[0,"-Infinity","-Infinity"],"target_logits":[0,0,0],"weight":[1,1,4],"z_loss":1,"upstream":10066341,"dtype":"float32","outputs":["gradient"]"#,
      "[16777236.0,-3355447.0,-13421788.0]"
    ),
    (
      #""logits":[1,"-Infinity","-Infinity"],"target_logits":[0,0,0],"weight":[1,0,0],"z_loss":0.5,"upstream":16777219,"dtype":"float32","outputs":["gradient"]"#,
      "[16777220.0,0.0,0.0]"
    ),
    // Products with the Hessian whose teacher's total weight is rational, and one whose is not.
    (
      #""logits":[0,0,"-Infinity"],"target_logits":[0,0,0],"weight":[1,1,4],"vector":[1.5e-323,0,0],"outputs":["hessian_vector_product"]"#,
      "[1e-323,-1e-323,0.0]"
    ),
    (
      #""logits":[0,0,"-Infinity"],"target_logits":[0,0,0],"weight":[1,1,4],"vector":[33554434,0,0],"dtype":"float32","outputs":["hessian_vector_product"]"#,
      "[16777216.0,-16777216.0,0.0]"
    ),
    (
      #""logits":[0,0,0,0],"target_logits":[0,0,1,1],"weight":[1,3,2,2],"vector":[44739256,0,0,0],"dtype":"float32","outputs":["hessian_vector_product"]"#,
      "[16777220.0,-5592407.0,-5592407.0,-5592407.0]"
    ),
    (
      #""logits":[0,0],"target_logits":[1e9,0],"weight":[33554434,2],"vector":[2,0],"dtype":"float32","outputs":["hessian_vector_product"]"#,
      "[16777216.0,-16777216.0]"
    ),
    // Parts that count below every 16,384 bits.
    (
      #""logits":[12000,0],"target":1,"focal_gamma":2,"upstream":-16777217,"dtype":"float32","outputs":["gradient"]"#,
      "[-16777218.0,16777218.0]"
    ),
    (
      #""logits":[200000,0],"target":1,"focal_gamma":2,"upstream":-16777217,"dtype":"float32","outputs":["gradient"]"#,
      "[-16777218.0,16777218.0]"
    ),
    (
      #""logits":[0,16448],"target":1,"z_loss":0.5,"dtype":"bfloat16","outputs":["gradient"]"#,
      "[0.0,16400.0]"
    ),
    (
      #""logits":[0,2105344],"target":1,"z_loss":0.5,"dtype":"bfloat16","outputs":["gradient"]"#,
      "[0.0,2100000.0]"
    ),
    (
      #""logits":[-1e9,-2105344],"target":1,"z_loss":0.5,"dtype":"bfloat16","outputs":["gradient"]"#,
      "[0.0,-2100000.0]"
    ),
    (
      #""logits":[0,2105344],"target_logits":[0,1e9],"z_loss":0.5,"dtype":"bfloat16","outputs":["gradient"]"#,
      "[0.0,2100000.0]"
    ),
  ]

  @Test("A rational derivative is told from one that is nearly half-way", arguments: derivatives)
  func derivative(request: String, entries: String) { expect("/gradient", "{\(request)}", entries) }

  // Written with the digits that bfloat16 needs: 65792 lies between 65536, which is 65500, and 66048, which is 66000.
  static let losses = [
    (#""logits":[20008,0],"target":1,"focal_gamma":1e-6,"dtype":"float16""#, "20020.0"),
    (#""logits":[0,65792],"target":0,"focal_gamma":2,"dtype":"bfloat16""#, "65500.0"),
    (#""logits":[0,2105344],"target":0,"focal_gamma":2,"dtype":"bfloat16""#, "2100000.0"),
    // Another class is not as faint as the target, so that log S counts for more than the factor.
    (#""logits":[0,65792,60000],"target":0,"focal_gamma":2,"dtype":"bfloat16""#, "66000.0"),
    (#""logits":[0,2105344,9],"target":0,"focal_gamma":0.0001,"dtype":"bfloat16""#, "2110000.0"),
    (#""logits":[0,1e15,2260595906707456],"target":0,"focal_gamma":2,"dtype":"bfloat16""#, "2270000000000000.0"),
    (#""logits":[0,65536],"target":1,"z_loss":5.98374754190445e-08,"dtype":"bfloat16""#, "258.0"),
    (#""logits":[-6553600000,-65536],"target":1,"z_loss":5.98374754190445e-08,"dtype":"bfloat16""#, "258.0"),
    (
      #""logits":[-6553600000,-65536],"target":1,"z_loss":5.98374754190445e-08,"weight":[1,0.001],"reduction":"sum","dtype":"bfloat16""#,
      "256.0"
    ),
    (#""logits":[709.8,9007199254740992,-1],"target_logits":[-5e-324,0,1e16]"#, "9007199254740994.0"),
    (#""logits":[1e300,-1e300],"softcap":65792,"target":1,"dtype":"bfloat16""#, "132000.0"),
  ]

  @Test("A loss that is half-way but for faint parts of both signs", arguments: losses)
  func loss(request: String, value: String) { expect("/loss", "{\(request)}", #"{"loss":\#(value)}"#) }

  @Test("Capped logits that are half-way but for faint parts")
  func capped() {
    expect(
      "/softmax", #"{"logits":[1e300,-1e300],"softcap":65792,"dtype":"bfloat16","outputs":["log_probabilities"]}"#,
      "-132000.0]")
    expect("/softmax", #"{"logits":[1e300,5],"softcap":65792,"dtype":"bfloat16","outputs":["log_sum_exp"]}"#, "66000.0")
    expect("/softmax", #"{"logits":[1e300],"softcap":65792,"dtype":"bfloat16","outputs":["log_sum_exp"]}"#, "65500.0")
  }

  private func expect(_ path: String, _ request: String, _ answer: String) {
    let found = text(post(path, request))
    #expect(found.contains(answer), "\(request.prefix(200)): \(found.prefix(200))")
  }

  // Logits as JSON.

  private static func list(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }
  private static let no = #""-Infinity""#
  private static func nos(_ count: Int) -> String { Array(repeating: no, count: count).joined(separator: ",") }
  private static func zeros(_ count: Int) -> String { list(Array(repeating: "0", count: count)) }
  private static func zeros(_ count: Int, then last: Double) -> String {
    list(Array(repeating: "0", count: count) + ["\(last)"])
  }
  private static func level(_ rows: Int, of classes: Int) -> String {
    list(Array(repeating: zeros(classes), count: rows))
  }
  /// Level rows of this many classes, the others masked.
  private static func masked(_ counts: [Int], to classes: Int) -> String {
    list(counts.map { count in list((0..<classes).map { $0 < count ? "0" : #""-Infinity""# }) })
  }
}
