// SoftmaxAPITests
