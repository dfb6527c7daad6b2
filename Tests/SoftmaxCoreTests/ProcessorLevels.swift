import CLinux
import Kernels

/// The kernel levels that this machine can run, so that every instantiation is held to the same bits.
enum ProcessorLevels {
  static let available = KernelLevel.allCases.filter { $0 <= KernelLevel(x86_64: Int(clinux_x86_64_level())) }
}
