internal import CLinux
package import VectorKernels

/// The kernel levels that this machine can run, so that each is held to the same bits.
package let levelsHere = KernelLevel.allCases.filter { $0 <= KernelLevel(x86_64: Int(clinux_x86_64_level())) }
