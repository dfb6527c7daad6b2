import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// The classes of the largest logits are those of a stable sort by falling logit.
@Suite struct TopClassesTests {
  @Test(arguments: [1, 2, 7, 63, 64, 65, 129, 1000])
  func areThoseOfAStableSort(classes: Int) {
    var random = SplitMix64(UInt64(classes))
    for distinct in [1, 3, 40, 1 << 30] {
      let logits = (0..<classes).map { _ in
        let value = Double(Int.random(in: 0..<distinct, using: &random)) - Double(distinct / 2)
        return value == 1 ? -.infinity : value
      }
      let sorted = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
      for level in levelsHere {
        for count in [1, 5, 64, 65, classes] where count <= classes {
          let found = TopClasses.first(count, of: logits.span, by: level.loops)
          #expect(found == Array(sorted.prefix(count)), "\(count) of \(classes) by \(level)")
        }
      }
    }
  }

  /// A class found anywhere in a block of logits that are passed together, at its ends above all.
  @Test func findTheOnlyOneAnywhere() {
    for place in 0..<200 {
      var logits = [Double](repeating: 0, count: 200)
      logits[place] = 1
      for level in levelsHere {
        #expect(TopClasses.first(1, of: logits.span, by: level.loops) == [place])
        #expect(level.loops.firstIndex(of: logits.span, from: place, above: 0) == place)
        #expect(level.loops.firstIndex(of: logits.span, from: place + 1, above: 0) == 200)
      }
    }
  }
}
