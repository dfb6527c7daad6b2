// SoftmaxCoreTests
