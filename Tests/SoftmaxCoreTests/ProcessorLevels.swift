import Foundation
import SoftmaxCore

/// The kernel levels that this machine can run, so that every instantiation is held to the same bits.
enum ProcessorLevels {
  static let available: [KernelLevel] = {
    #if arch(x86_64)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      let flags = Set(text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? [])
      var levels: [KernelLevel] = [.baseline]
      if flags.isSuperset(of: ["avx2", "fma", "bmi2", "movbe", "f16c"]) { levels.append(.v3) }
      if flags.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]) { levels.append(.v4) }
      return levels
    #else
      return [.baseline]
    #endif
  }()
}
